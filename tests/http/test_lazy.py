"""Routes are built when they are first asked for, module by module."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException

from ephemeral_server.http.lazy import LazyRoutes
from tests.http.driving import request

_MODULE = """
from fastapi import APIRouter

router = APIRouter(prefix="/things")


@router.get("{path}")
async def read() -> str:
    return {name!r}
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Two modules of one segment, not imported yet."""
    names = ("routes_asked_for_often", "routes_asked_for_seldom")
    for name, path in zip(names, ("/one", "/two"), strict=True):
        (tmp_path / f"{name}.py").write_text(_MODULE.format(name=name, path=path))
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return names


def _ask(routes: LazyRoutes, path: str, method: str = "GET") -> httpx.Response:
    app = FastAPI()
    app.router.routes.append(routes)
    return request(app, method, path)


def test_a_module_is_imported_when_those_before_it_know_no_such_path(
    modules: tuple[str, str],
) -> None:
    often, seldom = modules
    routes = LazyRoutes({"things": modules})

    assert _ask(routes, "/things/one").json() == often
    assert seldom not in sys.modules
    assert _ask(routes, "/things/two").json() == seldom
    assert seldom in sys.modules


def test_a_path_or_method_that_no_module_knows_is_refused(modules: tuple[str, str]) -> None:
    routes = LazyRoutes({"things": modules})

    assert _ask(routes, "/things/three").status_code == 404
    assert _ask(routes, "/things/one", "DELETE").status_code == 405
    assert _ask(routes, "/things/two", "DELETE").status_code == 405


def test_every_module_has_the_dependencies(modules: tuple[str, str]) -> None:
    def refuse() -> None:
        raise HTTPException(418)

    routes = LazyRoutes({"things": modules}, [Depends(refuse)])

    assert _ask(routes, "/things/one").status_code == 418
    assert _ask(routes, "/things/two").status_code == 418


def test_a_module_of_several_segments_is_listed_once(modules: tuple[str, str]) -> None:
    often, _ = modules
    routes = LazyRoutes({"things": modules, "alias": (often,)})

    assert len(list(routes.routers())) == 2
