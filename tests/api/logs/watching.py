"""A server whose logs are watched over real sockets, all on the event loop of the test."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from ephemeral_server.application import build_app
from ephemeral_server.runtime import Runtime
from ephemeral_server.settings import Settings
from tests.events.test_stream_in import authenticate
from tests.http.driving import serving

#: Seconds that anything may take.
PATIENCE = 20


def new_log(message: str, **values: Any) -> dict[str, Any]:
    log = {"name": "l", "level": 20, "message": message, "timestamp": "2026-01-01T00:00:00Z"}
    return {**log, **values}


class Watched:
    """A running server.

    Attributes:
        runtime: what it holds.
        place: host and port.
    """

    def __init__(self, runtime: Runtime, address: str, client: httpx.AsyncClient) -> None:
        self.runtime = runtime
        host, port = address.split(":")
        self.place = host, int(port)
        self._address = address
        self._client = client

    async def keep(self, *logs: dict[str, Any]) -> None:
        """Store logs."""
        answer = await self._client.post("/logs/", json=logs)
        assert answer.status_code == 201, answer.text

    async def stored(self) -> list[dict[str, Any]]:
        """All logs of the database, in the order of their timestamps."""
        answer = await self._client.post("/logs/filter", json={})
        logs: list[dict[str, Any]] = answer.json()
        return logs

    def connect(self, *, greet: bool = True, **given: Any) -> connect:
        """A connection to ``/logs/out``, before the greeting."""
        return connect_to(f"http://{self._address}/api", greet=greet, **given)

    @asynccontextmanager
    async def greeted(
        self, token: str | None = None, **given: Any
    ) -> AsyncIterator[ClientConnection]:
        """A connection after the greeting."""
        async with self.connect(**given) as connection:
            await authenticate(connection, token)
            yield connection

    @asynccontextmanager
    async def watching(self, filter: Any = None, **given: Any) -> AsyncIterator[ClientConnection]:
        """A connection that receives the logs that fit `filter`."""
        async with self.greeted(**given) as connection:
            await self.subscribe(connection, filter)
            yield connection

    async def subscribe(self, connection: ClientConnection, filter: Any = None) -> None:
        """Send the filter and wait until the server has it."""
        before = self.runtime.live_logs.subscriptions
        await connection.send(json.dumps({"type": "filter", "filter": filter or {}}))
        await self.until(lambda: self.runtime.live_logs.subscriptions > before)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the server work until something holds."""

        async def wait() -> None:
            while not holds():  # noqa: ASYNC110 - it happens inside the server
                await asyncio.sleep(0)

        await asyncio.wait_for(wait(), PATIENCE)


def connect_to(api_url: str, *, greet: bool = True, **given: Any) -> connect:
    """A connection to ``/logs/out`` of any server, before the greeting."""
    url = api_url.replace("http", "ws", 1) + "/logs/out"
    offered = [Subprotocol("prefect")] if greet else None
    return connect(url, proxy=None, subprotocols=offered, compression=None, **given)


async def next_log(connection: ClientConnection) -> dict[str, Any]:
    """The next log that comes."""
    frame = json.loads(await asyncio.wait_for(connection.recv(), PATIENCE))
    assert frame.keys() == {"type", "log"}
    assert frame["type"] == "log"
    log: dict[str, Any] = frame["log"]
    return log


async def messages(connection: ClientConnection, count: int) -> list[str]:
    """The texts of the next logs that come."""
    return [(await next_log(connection))["message"] for _ in range(count)]


async def rest_of(connection: ClientConnection) -> list[dict[str, Any]]:
    """The logs that come until the connection ends."""
    logs = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            logs.append(await next_log(connection))
    return logs


async def end_of(connection: ClientConnection) -> tuple[int | None, str | None]:
    """Close code and reason, after whatever comes before."""
    await rest_of(connection)
    return connection.close_code, connection.close_reason


def run(url: str, script: Callable[[Watched], Awaitable[None]], **settings: Any) -> None:
    """Run `script` with a server on this database."""

    async def all_() -> None:
        app = build_app(Settings(database_url=url, ephemeral=True, **settings))
        async with (
            app.router.lifespan_context(app),
            serving(app) as address,
            httpx.AsyncClient(base_url=f"http://{address}/api", trust_env=False) as client,
        ):
            await script(Watched(app.state.runtime, address, client))

    asyncio.run(all_())
