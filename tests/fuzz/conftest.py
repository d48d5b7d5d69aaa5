"""What the tests with nonsense share."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import uvicorn.protocols.http.auto
from uvicorn.protocols.http.h11_impl import H11Protocol

from ephemeral_server import EphemeralServer, ephemeral
from tests.application import application
from tests.fuzz.wire import Answer, Wire
from tests.fuzz.wire import request as http
from tests.leaks import LeakGuard

__all__ = ["application"]

#: schemathesis has no release for Python 3.10.
collect_ignore = [] if find_spec("schemathesis") else ["test_schema.py"]


@pytest.fixture(scope="module", params=["installed", "h11"])
def wired(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    leak_guard: LeakGuard,
) -> Iterator[EphemeralServer]:
    """A server with the HTTP parser that is installed (httptools, if it is), and with h11."""
    database: Path = tmp_path_factory.mktemp("wire") / "server.db"
    with pytest.MonkeyPatch.context() as patch, leak_guard.adopt():
        if request.param == "h11":
            patch.setattr(uvicorn.protocols.http.auto, "AutoHTTPProtocol", H11Protocol)
        server = ephemeral(database_url=f"sqlite+aiosqlite:///{database}", activate=False)
        server.start()
        with Wire(server.port) as wire:  # a connection for reading is opened by this
            wire.send(http("POST", "/api/flows/filter", b"{}"))
            assert wire.answers(1) == [Answer(200, [])]
    yield server
    server.shutdown()
