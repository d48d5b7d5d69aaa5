"""How these tests talk to a small ASGI app: in memory, message by message, or over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Scope


def request(app: ASGIApp, method: str, path: str, **given: Any) -> httpx.Response:
    """Send one HTTP request to `app` and return its answer; errors of the app are raised."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **given)

    return asyncio.run(send())


def echo_app(mount: str = "") -> Starlette:
    """Answers every path with what it received, below `mount`."""

    async def echo(request: Request) -> Response:
        body = (await request.body()).decode()
        return JSONResponse({"content_type": request.headers.get("content-type"), "body": body})

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    routes = [Route("/{path:path}", echo, methods=methods)]
    return Starlette(routes=[Mount(mount, routes=routes)] if mount else routes)


class Conversation:
    """One ASGI connection, driven by hand.

    Args:
        app: who answers.
        kind: ``http`` or ``websocket``.
        path: of the request.
        headers: pairs of bytes.
        **scope: further keys of the scope.
    """

    def __init__(
        self,
        app: ASGIApp,
        kind: str = "http",
        path: str = "/",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        **scope: Any,
    ) -> None:
        self._app = app
        self._scope: Scope = {
            "type": kind,
            "path": path,
            "method": "GET",
            "query_string": b"",
            "headers": list(headers),
            **scope,
        }
        self._incoming: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self.sent: list[Message] = []

    @property
    def unread(self) -> int:
        """How many messages of the client nobody has taken yet."""
        return len(self._incoming)

    def run(self) -> asyncio.Task[None]:
        """Start the app on this connection."""
        return asyncio.create_task(self._run())

    def deliver(self, message: Message) -> None:
        """Let the client send `message`."""
        self._incoming.append(message)
        self._arrived.set()

    async def _run(self) -> None:
        await self._app(self._scope, self._receive, self._send)

    async def _receive(self) -> Message:
        while not self._incoming:
            self._arrived.clear()
            await self._arrived.wait()
        return self._incoming.popleft()

    async def _send(self, message: Message) -> None:
        self.sent.append(message)


async def settle() -> None:
    """Let every task go as far as it can without anything from outside."""
    for _ in range(20):
        await asyncio.sleep(0)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.stop = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        await self.stop.wait()  # the original looks every tenth of a second

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the signals of the test run are not ours


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """A real HTTP server for `app` on a port of its own; gives ``127.0.0.1:<port>``."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="websockets-sansio")
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    await server.ready.wait()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.stop.set()
        await task
