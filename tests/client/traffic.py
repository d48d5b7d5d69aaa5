"""What the client and the server said to each other, recorded at the server's outermost layer."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ephemeral_server import EphemeralServer, Settings
from ephemeral_server.application import build_app
from ephemeral_server.embed.activation import drain_client

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ephemeral_server.embed.serving import ASGIApp, Message, Receive, Scope, Send

#: Seconds that things which are on their way may take.
PATIENCE = 20.0

#: What the client asks on every connection, in a world without CSRF protection.
CSRF_PROBE = "GET /csrf-token"

#: Errors that are right: protection is off, and a task run is not there until the event that
#: tells of it has arrived, though a future of it may already be asked for.
EXPECTED = {(CSRF_PROBE, 422), ("GET /task_runs/{id}", 404)}

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Exchange:
    """One request or WebSocket.

    Attributes:
        method: of HTTP, or ``WEBSOCKET``.
        path: below ``/api``.
        headers: of the request, names in lower case.
        status: of the answer; of a WebSocket 101 once it was accepted, and 403 if it was not.
    """

    method: str
    path: str
    headers: dict[str, str]
    status: int = 0

    @property
    def route(self) -> str:
        """Method and path, with ``{id}`` in place of ids."""
        return f"{self.method} {_UUID.sub('{id}', self.path)}"

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}"


@dataclass
class Traffic:
    """Everything that reached one server, in the order in which it came.

    Attributes:
        exchanges: requests and WebSockets.
        events: that the client reported.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    _open: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _app: FastAPI | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    def routes(self) -> set[str]:
        """The routes that were asked for."""
        return {exchange.route for exchange in self.exchanges}

    def on(self, route: str) -> list[Exchange]:
        """What was asked of one route."""
        return [exchange for exchange in self.exchanges if exchange.route == route]

    def statuses(self, route: str) -> list[int]:
        """How the requests to one route were answered, in order."""
        return [exchange.status for exchange in self.on(route)]

    def event_names(self) -> list[str]:
        """What the events say that happened, in the order of their arrival."""
        return [event["event"] for event in self.events]

    def refused(self) -> list[Exchange]:
        """What was answered with an error, but for what has no other answer."""
        return [
            exchange
            for exchange in self.exchanges
            if exchange.status >= 400 and (exchange.route, exchange.status) not in EXPECTED
        ]

    def settle(self) -> None:
        """Return when all that the client holds or has sent is in the database."""
        drain_client(PATIENCE)
        with self._changed:
            arrived = self._changed.wait_for(lambda: self._open == 0, PATIENCE)
        assert arrived, "a request or WebSocket does not end"
        if self._loop is not None and self._app is not None:
            draining = self._app.state.runtime.drain()
            asyncio.run_coroutine_threadsafe(draining, self._loop).result(PATIENCE)

    def build(self, settings: Settings) -> FastAPI:
        """The application of a server that is recorded here."""
        self._app = build_app(settings)
        self._app.add_middleware(_recording, traffic=self)
        return self._app

    @contextmanager
    def _recorded(self, exchange: Exchange) -> Iterator[None]:
        self._loop = asyncio.get_running_loop()
        with self._changed:
            self.exchanges.append(exchange)
            self._open += 1
        try:
            yield
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    async def record(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let `app` answer, and keep what was asked and how it was answered."""
        exchange = Exchange(
            method=scope.get("method", "WEBSOCKET"),
            path=scope["path"].removeprefix("/api"),
            headers={name.decode(): value.decode() for name, value in scope["headers"]},
        )

        async def watch(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                exchange.status = message["status"]
            elif message["type"] == "websocket.accept":
                exchange.status = 101
            elif message["type"] == "websocket.close" and exchange.status == 0:
                exchange.status = 403
            await send(message)

        async def listen() -> Message:
            message = await receive()
            frame = message.get("text")
            if frame is not None and "resource" in (said := json.loads(frame)):
                self.events.append(said)
            return message

        with self._recorded(exchange):
            await app(scope, listen, watch)


def recorded_server(traffic: Traffic, **settings: Any) -> EphemeralServer:
    """A server, not started yet, whose traffic is kept.

    Args:
        traffic: keeps it.
        **settings: of the server.
    """
    return EphemeralServer(Settings.load(ephemeral=True, **settings), build=traffic.build)


def _recording(app: ASGIApp, traffic: Traffic) -> Callable[..., Any]:
    async def recorder(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        else:
            await traffic.record(app, scope, receive, send)

    return recorder
