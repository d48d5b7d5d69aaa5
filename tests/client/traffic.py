"""What the client and the server said to each other, recorded at the server's outermost layer."""

from __future__ import annotations

import asyncio
import functools
import gzip
import json
import os
import re
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import certifi
from prefect.settings import (
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)
from sqlalchemy import insert

from ephemeral_server import EphemeralServer, Settings
from ephemeral_server.application import build_app
from ephemeral_server.embed.activation import drain_client
from ephemeral_server.ids import new_id
from tests.rows import filled

if TYPE_CHECKING:
    from fastapi import FastAPI
    from sqlalchemy import Table

    from ephemeral_server.database.transaction import Transaction
    from ephemeral_server.embed.serving import ASGIApp, Message, Receive, Scope, Send
    from ephemeral_server.runtime import Runtime

T = TypeVar("T")

#: Seconds that things which are on their way may take.
PATIENCE = 20.0

#: What the client asks on every connection, in a world without CSRF protection.
CSRF_PROBE = "GET /csrf-token"

#: How the client reports states of flow runs.
SET_STATE = "POST /flow_runs/{id}/set_state"

#: How the client sends texts to flow runs.
SEND_INPUT = "POST /flow_runs/{id}/input"

#: How the client asks for slots of the limits of a task's tags.
LEASE_SLOTS = "POST /v2/concurrency_limits/increment-with-lease"

#: Errors that are right, as patterns of routes: protection is off, a task may have to wait for a
#: slot, a task run is not there until the event that tells of it has arrived, though a future of it
#: may already be asked for, whoever resumes a flow may leave out an input that needs nothing, and
#: whoever deploys a flow, starts a worker, saves a block or sets a variable asks first whether the
#: deployment, the pool, the block's type and schema, or the variable is there. Whoever overwrites a
#: block tries first to make a new one.
EXPECTED = [
    (CSRF_PROBE, 422),
    (LEASE_SLOTS, 423),
    ("GET /task_runs/{id}", 404),
    ("GET /flow_runs/{id}/input/*-1-response", 404),
    ("GET /deployments/name/*", 404),
    ("GET /work_pools/*", 404),
    ("GET /block_types/slug/*", 404),
    ("GET /block_schemas/checksum/*", 404),
    ("POST /block_documents/", 409),
    ("GET /variables/name/*", 404),
    # Not there yet; the client does without.
    ("DELETE /automations/owned-by/*", 404),
    ("WEBSOCKET /events/out", 403),
]

_GZIP = b"\x1f\x8b"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Exchange:
    """One request or WebSocket.

    Attributes:
        method: of HTTP, or ``WEBSOCKET``.
        path: below ``/api``.
        headers: of the request, names in lower case.
        connection: tells the requests of one connection from those of others.
        status: of the answer; of a WebSocket 101 once it was accepted, and 403 if it was not.
        sent: the body of the request, or what came over the WebSocket; each read as JSON.
        answered: the same of what was answered.
    """

    method: str
    path: str
    headers: dict[str, str]
    connection: object
    status: int = 0
    sent: list[Any] = field(default_factory=list)
    answered: list[Any] = field(default_factory=list)

    @property
    def route(self) -> str:
        """Method and path, with ``{id}`` in place of ids."""
        return f"{self.method} {_UUID.sub('{id}', self.path)}"

    @property
    def id(self) -> UUID:
        """The first id in the path."""
        found = _UUID.search(self.path)
        assert found is not None, self.path
        return UUID(found[0])

    @property
    def body(self) -> Any:
        """What the client sent, of a request that has a body."""
        (body,) = self.sent
        return body

    @property
    def answer(self) -> Any:
        """What was answered, of a request that was answered with a body."""
        (answer,) = self.answered
        return answer

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
    _expected: list[tuple[str, int]] = field(default_factory=lambda: list(EXPECTED))
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

    def conversation(self, at: int = 0) -> list[str]:
        """The routes that were asked for over one connection, in order.

        Args:
            at: how many other connections were opened before it.
        """
        connections = dict.fromkeys(exchange.connection for exchange in self.exchanges)
        chosen = list(connections)[at]
        return [each.route for each in self.exchanges if each.connection == chosen]

    def transitions(self) -> list[tuple[str, str, str]]:
        """Of each state that was proposed for a flow run: its name, the answer, the state then."""
        return [
            (each.body["state"]["name"], each.answer["status"], each.answer["state"]["name"])
            for each in self.on(SET_STATE)
        ]

    def event_names(self) -> list[str]:
        """What the events say that happened, in the order of their arrival."""
        return [event["event"] for event in self.events]

    def expect(self, route: str, status: int) -> None:
        """Let requests to a route, which may be a pattern, be answered with this error."""
        self._expected.append((route, status))

    def refused(self) -> list[Exchange]:
        """What was answered with an error, but for what has no other answer."""
        return [
            exchange
            for exchange in self.exchanges
            if exchange.status >= 400 and not self._is_expected(exchange)
        ]

    def _is_expected(self, exchange: Exchange) -> bool:
        return any(
            exchange.status == status and fnmatchcase(exchange.route, route)
            for route, status in self._expected
        )

    def wait_for(self, route: str, count: int = 1) -> Exchange:
        """The `count`th request to one route, when so many have been answered."""

        def is_answered() -> bool:
            return sum(exchange.status > 0 for exchange in self.on(route)) >= count

        with self._changed:
            assert self._changed.wait_for(is_answered, PATIENCE), self.routes()
        return self.on(route)[count - 1]

    def wait_for_event(self, name: str, count: int = 1) -> None:
        """Return when so many events with one name have come."""

        def has_come() -> bool:
            return self.event_names().count(name) >= count

        with self._changed:
            assert self._changed.wait_for(has_come, PATIENCE), self.event_names()

    def settle(self) -> None:
        """Return when all that the client holds or has sent is in the database."""
        drain_client(PATIENCE)
        with self._changed:
            arrived = self._changed.wait_for(lambda: self._open == 0, PATIENCE)
        assert arrived, "a request or WebSocket does not end"
        if self._loop is not None:
            self.on_server(lambda runtime: runtime.drain())

    @property
    def runtime(self) -> Runtime:
        """What the server runs with."""
        assert self._app is not None
        runtime: Runtime = self._app.state.runtime
        return runtime

    def on_server(self, work: Callable[[Runtime], Coroutine[Any, Any, T]]) -> T:
        """The result of what is to be awaited on the server's loop."""
        assert self._loop is not None, "nothing has been asked of the server yet"
        return asyncio.run_coroutine_threadsafe(work(self.runtime), self._loop).result(PATIENCE)

    def insert(self, table: Table, **values: Any) -> str:
        """Insert a row with these values, whatever the routes would say; its id."""
        now = self.runtime.clock.now()
        row = filled(table, {"id": new_id(now), **values}, now)

        def work(tx: Transaction) -> None:
            tx.connection.execute(insert(table), row)

        self.on_server(lambda runtime: runtime.database.write(work))
        return str(row["id"])

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
            connection=scope["client"],
        )
        asked, answer = bytearray(), bytearray()

        async def watch(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                exchange.status = message["status"]
            elif message["type"] == "http.response.body":
                answer.extend(message.get("body", b""))
                if not message.get("more_body"):  # the client may go on as soon as it has it
                    exchange.answered += _read(answer)
            elif message["type"] == "websocket.accept":
                exchange.status = 101
            elif message["type"] == "websocket.send":
                exchange.answered += _read(message["text"])
            elif message["type"] == "websocket.close" and exchange.status == 0:
                exchange.status = 403
            await send(message)

        async def listen() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                asked.extend(message.get("body", b""))
                if not message.get("more_body"):
                    exchange.sent += _read(asked)
            elif message["type"] == "websocket.receive":
                exchange.sent += _read(message["text"])
                if "resource" in exchange.sent[-1]:
                    with self._changed:
                        self.events.append(exchange.sent[-1])
                        self._changed.notify_all()
            return message

        with self._recorded(exchange):
            await app(scope, listen, watch)


@contextmanager
def recorded_server(
    traffic: Traffic, *, heartbeats: bool = False, **settings: Any
) -> Iterator[EphemeralServer]:
    """A running server whose traffic is kept, with the client of this process pointed at it.

    Args:
        traffic: keeps it.
        heartbeats: let running flows send them; the client then takes a second longer to end each
            flow.
        **settings: of the server.
    """
    changed: dict[Any, Any] = {PREFECT_API_SSL_CERT_FILE: str(one_authority())}
    if not heartbeats:
        changed[PREFECT_FLOWS_HEARTBEAT_FREQUENCY] = None
    server = EphemeralServer(Settings.load(ephemeral=True, **settings), build=traffic.build)
    with server, temporary_settings(changed):
        yield server


@functools.cache
def one_authority() -> Path:
    """A file with one certificate, for all clients of this session.

    Though there is no TLS here, each client reads the certificates of all authorities, and that
    takes longer than a short flow.
    """
    first, end, _ = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----\n")
    path = Path(os.environ["PREFECT_HOME"], "authority.pem")
    path.parent.mkdir(exist_ok=True)
    path.write_text(first + end)
    return path


def _recording(app: ASGIApp, traffic: Traffic) -> Callable[..., Any]:
    async def recorder(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        else:
            await traffic.record(app, scope, receive, send)

    return recorder


def _read(body: bytearray | str) -> list[Any]:
    """What a body holds: one thing, or nothing if it is empty."""
    if isinstance(body, bytearray) and body.startswith(_GZIP):
        body = bytearray(gzip.decompress(body))
    return [json.loads(body)] if body else []
