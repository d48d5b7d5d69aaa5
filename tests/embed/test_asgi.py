"""The handle is an ASGI application wherever one is expected."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from ephemeral_server import EphemeralServer, ephemeral
from ephemeral_server.embed.sockets import listen, url_of
from tests.embed.support import get, post


@contextmanager
def served_by_someone_else(app: object) -> Iterator[str]:
    """The address of `app` in a plain uvicorn."""
    listener = listen("127.0.0.1", 0)
    started = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup(sockets)  # type: ignore[arg-type]
            started.set()

    # uvloop would keep a pipe for the life of the process, and the leak check finds it.
    config = uvicorn.Config(app, loop="asyncio", log_config=None, lifespan="on")  # type: ignore[arg-type]
    server = Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    url = url_of(listener)
    thread.start()
    try:
        assert started.wait(30)
        yield url
    finally:
        server.should_exit = True
        thread.join(30)


def test_a_server_that_was_not_started_can_be_served_by_someone_else() -> None:
    with served_by_someone_else(ephemeral()) as url:
        post(f"{url}/api/flows/", {"name": "one"})
        assert post(f"{url}/api/flows/count", {}) == 1


def test_it_then_leaves_nothing_when_the_other_server_ends() -> None:
    server = ephemeral()
    with served_by_someone_else(server):
        directory = server.directory
        assert directory.exists()
    assert not directory.exists()


def test_a_running_server_can_be_served_by_someone_else_too() -> None:
    with ephemeral(activate=False) as server:
        post(f"{server.api_url}/flows/", {"name": "one"})
        with served_by_someone_else(server) as url:
            assert post(f"{url}/api/flows/count", {}) == 1
        assert get(f"{server.api_url}/health") is True


def test_a_running_server_answers_a_test_client_on_another_loop() -> None:
    async def ask() -> object:
        transport = httpx.ASGITransport(app=server)
        async with httpx.AsyncClient(transport=transport, base_url=server.url) as client:
            return (await client.post("/api/flows/count", json={})).json()

    with ephemeral(activate=False) as server:
        post(f"{server.api_url}/flows/", {"name": "one"})
        assert asyncio.run(ask()) == 1


def test_a_websocket_of_a_running_server_can_be_served_by_someone_else() -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    with ephemeral(activate=False) as server, served_by_someone_else(server) as url:
        address = url.replace("http", "ws") + "/api/events/in"
        with connect(address, proxy=None) as socket:
            socket.send("no JSON at all")
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=10)


def test_the_application_can_be_mounted_in_another_one() -> None:
    server = ephemeral()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with server.app.router.lifespan_context(server.app):
            yield

    outer = FastAPI(lifespan=lifespan)
    outer.mount("/orchestra", server)
    with served_by_someone_else(outer) as url:
        assert post(f"{url}/orchestra/api/flows/count", {}) == 0
    server.shutdown()


def test_the_application_of_a_running_server_is_the_one_that_serves() -> None:
    with ephemeral(activate=False) as server:
        assert server.app is server.app
        assert server.app.state.runtime is not None


def test_with_a_child_process_there_is_no_application_here() -> None:
    from ephemeral_server.errors import NotRunningError

    server: EphemeralServer = ephemeral(mode="process")
    with pytest.raises(NotRunningError, match="lives in the child process"):
        _ = server.app
