"""The application as a whole: its two forms, its cache, its document, its guards."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Header, HTTPException

from ephemeral_server import EphemeralServer, create_api_app, create_app, ephemeral
from ephemeral_server.application import DOMAINS, running
from ephemeral_server.settings import Settings
from ephemeral_server.version import API_VERSION
from tests import web


def get(app: FastAPI, path: str, **headers: str) -> httpx.Response:
    """An answer of `app`, which is not started."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(send())


class TestTheCache:
    def test_equal_settings_give_the_same_application(self) -> None:
        assert create_app(Settings(default_limit=7)) is create_app(Settings(default_limit=7))
        assert create_app(Settings(default_limit=7)) is not create_app(Settings(default_limit=8))

    def test_ignoring_it_gives_a_new_one(self) -> None:
        settings = Settings(default_limit=9)
        assert create_app(settings, ignore_cache=True) is not create_app(settings)

    def test_ephemeral_gives_a_running_server_and_again_the_same_one(self) -> None:
        server = create_app(ephemeral=True)
        try:
            assert isinstance(server, EphemeralServer)
            assert server.is_running
            assert create_app(ephemeral=True) is server
            other = create_app(ephemeral=True, ignore_cache=True)
            assert other is not server
            other.shutdown()
        finally:
            server.shutdown()


class TestTheApiAlone:
    def test_probes_answer_at_the_paths_they_were_given(self) -> None:
        app = create_api_app(health_check_path="/alive", version_check_path="/which")
        assert get(app, "/alive").json() is True
        assert get(app, "/which").json() == API_VERSION
        assert get(app, "/health").status_code == 404

    @pytest.mark.parametrize("path", ["/hello", "/admin/version", "/flows/name/x", "/logs/filter"])
    def test_dependencies_come_before_every_route_but_the_probes(self, path: str) -> None:
        async def key(x_key: Annotated[str | None, Header()] = None) -> None:
            if x_key != "right":
                raise HTTPException(418, "wrong key")

        app = create_api_app(dependencies=[Depends(key)])
        method = "POST" if path.endswith("filter") else "GET"

        async def send() -> int:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return (await client.request(method, path)).status_code

        assert asyncio.run(send()) == 418
        assert get(app, "/health").status_code == 200
        assert get(app, "/hello", **{"x-key": "right"}).json() == "👋"

    def test_options_reach_fastapi(self) -> None:
        assert create_api_app(fast_api_app_kwargs={"title": "Mine"}).title == "Mine"

    def test_mounted_elsewhere_it_uses_the_runtime_of_the_outer_lifespan(
        self, database_url: str
    ) -> None:
        api = create_api_app()
        outer = FastAPI()
        outer.mount("/workflows", api)

        async def use() -> tuple[int, int]:
            settings = Settings(database_url=database_url, ephemeral=True)
            async with running(settings) as runtime:
                api.state.runtime = runtime
                transport = httpx.ASGITransport(outer)
                async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                    made = await client.post("/workflows/flows/", json={"name": "a"})
                    read = await client.get("/workflows/flows/name/a")
                    return made.status_code, read.status_code

        assert asyncio.run(use()) == (201, 200)


class TestLoading:
    def test_routes_are_loaded_when_they_are_first_asked_for(self) -> None:
        program = """
import sys
from ephemeral_server import ephemeral
from urllib.request import urlopen
def loaded(): return {name for name in sys.modules if name.endswith(".routes")}
with ephemeral() as server:
    assert urlopen(server.api_url + "/health").status == 200
    assert loaded() == set(), loaded()
    try: urlopen(server.api_url + "/flows/name/none")
    except OSError: pass
    assert "ephemeral_server.flows.routes" in loaded()
    assert "ephemeral_server.logs.routes" not in loaded()
"""
        subprocess.run([sys.executable, "-c", program], check=True, timeout=30)

    def test_importing_the_package_imports_nothing_heavy(self) -> None:
        program = """
import sys
import ephemeral_server
heavy = {"fastapi", "sqlalchemy", "uvicorn", "pydantic", "asyncio", "platformdirs"}
assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()
"""
        subprocess.run([sys.executable, "-c", program], check=True, timeout=30)

    def test_an_ephemeral_start_imports_nothing_it_does_not_need(self) -> None:
        program = """
import sys
from ephemeral_server import ephemeral
with ephemeral(): pass
heavy = {"alembic", "jsonschema", "jinja2", "httpx", "nest_asyncio", "asyncpg", "croniter", "click"}
assert not (heavy - {"click"}) & sys.modules.keys(), heavy & sys.modules.keys()
"""
        subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


class TestTheDocument:
    def test_holds_every_route_also_those_not_loaded_yet(self) -> None:
        document = create_app(Settings(default_limit=11)).openapi()
        found = {path.split("/")[1] for path in document["paths"]}
        assert set(DOMAINS) | {"health", "version"} == found
        assert document["info"]["title"] == "Prefect REST API"

    def test_is_served_at_both_places_with_the_same_routes(self, server: EphemeralServer) -> None:
        outer = web.get(f"{server.url}/openapi.json").json()
        inner = web.get(f"{server.api_url}/openapi.json").json()
        assert outer["paths"] == inner["paths"]
        assert "/flow_runs/{id}/set_state" in outer["paths"]


@pytest.fixture
def plain() -> Iterator[httpx.Client]:
    with (
        ephemeral(activate=False) as server,
        web.client(server.url) as client,
    ):
        yield client


class TestTheGuards:
    def test_unknown_paths_and_methods_are_told_apart(self, plain: httpx.Client) -> None:
        assert plain.get("/api/nothing").json() == {"detail": "Not Found"}
        assert plain.get("/nothing").json() == {"detail": "Not Found"}
        assert plain.get("/api/flows/not-an-id").status_code == 404
        wrong = plain.get("/api/flows/filter")
        assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"})

    def test_a_missing_slash_is_redirected_with_method_and_body(self, plain: httpx.Client) -> None:
        answer = plain.post("/api/flows", json={"name": "a"})
        assert (answer.status_code, answer.headers["location"]) == (
            307,
            f"{plain.base_url}/api/flows/".replace("//api", "/api"),
        )
        followed = plain.post("/api/flows", json={"name": "a"}, follow_redirects=True)
        assert followed.status_code == 201

    def test_a_foreign_host_is_refused(self, plain: httpx.Client) -> None:
        assert plain.get("/api/version", headers={"Host": "evil.example"}).status_code == 403

    def test_a_page_of_a_foreign_origin_is_refused(self, plain: httpx.Client) -> None:
        answer = plain.post("/api/flows/", json={"name": "x"}, headers={"Origin": "http://evil"})
        assert answer.status_code == 403
        assert plain.get("/api/flows/name/x").status_code == 404

    @pytest.mark.parametrize(
        ("version", "status"), [("0.8.4", 200), ("99.0.0", 200), ("0.7.0", 400), ("0.8", 400)]
    )
    def test_the_api_version_is_checked(
        self, plain: httpx.Client, version: str, status: int
    ) -> None:
        headers = {"X-PREFECT-API-VERSION": version}
        assert plain.get("/api/hello", headers=headers).status_code == status
        assert plain.get("/api/health", headers=headers).status_code == 200

    def test_lists_are_compressed_for_those_who_accept_it(self, plain: httpx.Client) -> None:
        for number in range(10):
            plain.post("/api/flows/", json={"name": f"flow {number}"})
        packed = plain.post("/api/flows/filter")
        assert packed.headers["content-encoding"] == "gzip"
        asis = plain.post("/api/flows/filter", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in asis.headers
        assert packed.json() == asis.json()

    def test_another_base_path_replaces_the_default(self) -> None:
        with ephemeral(activate=False, api_base_path="/deep/api") as server:
            assert server.api_url == f"{server.url}/deep/api"
            assert web.get(f"{server.api_url}/hello").status_code == 200
            assert web.get(f"{server.url}/api/hello").status_code == 404

    def test_writing_asks_for_a_csrf_token_where_that_is_set(self) -> None:
        with (
            ephemeral(activate=False, csrf_protection=True) as server,
            web.client(server.api_url) as client,
        ):
            refused = client.post("/flows/", json={"name": "a"})
            assert (refused.status_code, refused.json()) == (
                403,
                {"detail": "Missing CSRF token."},
            )
            token: dict[str, Any] = client.get("/csrf-token", params={"client": "me"}).json()
            headers = {"Prefect-Csrf-Token": token["token"], "Prefect-Csrf-Client": "me"}
            assert client.post("/flows/", json={"name": "a"}, headers=headers).status_code == 201
