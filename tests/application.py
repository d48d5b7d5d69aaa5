"""The whole application without sockets: driven by plain calls, with a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx
import pytest
from sqlalchemy import Connection, Table, insert
from starlette.types import ASGIApp

from ephemeral_server.application import build_app
from ephemeral_server.clock import ManualClock
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.events.model import Event
from ephemeral_server.ids import new_id
from ephemeral_server.runtime import Runtime
from ephemeral_server.settings import Settings
from tests.databases import PostgresServer
from tests.leaks import LeakGuard
from tests.rows import filled

P = ParamSpec("P")
T = TypeVar("T")


class Application:
    """An application on a loop of its own that runs only during a call.

    Attributes:
        clock: the one that the application reads.
        events: what was published, the oldest first.
    """

    def __init__(self, settings: Settings) -> None:
        self.clock = ManualClock()
        self.events: list[Event] = []
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._app = build_app(settings, self.clock)
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://localhost/api")

    @contextmanager
    def running(self) -> Iterator[Application]:
        """Open the database and, at the end, close it."""
        lifespan = self._app.router.lifespan_context(self._app)
        try:
            self._wait(lifespan.__aenter__())
            try:
                self.runtime.bus.subscribe(self)
                self.get("/flows/name/nobody")  # opens what is opened at the first request
                yield self
            finally:
                self._wait(lifespan.__aexit__(None, None, None))
                self._wait(self._client.aclose())
        finally:
            self._loop.close()

    @property
    def app(self) -> ASGIApp:
        """What serves the requests; to be called on the application's loop."""
        return self._app

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self._app.state.runtime
        return runtime

    def request(self, method: str, path: str, json: Any = None, **given: Any) -> httpx.Response:
        """Send a request to a path below ``/api``; without a body if `json` is None."""
        if json is not None:
            given["json"] = json
        return self._wait(self._client.request(method, path, **given))

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self.request("GET", path, **given)

    def post(self, path: str, json: Any = None, **given: Any) -> httpx.Response:
        return self.request("POST", path, json, **given)

    def patch(self, path: str, json: Any = None, **given: Any) -> httpx.Response:
        return self.request("PATCH", path, json, **given)

    def delete(self, path: str, **given: Any) -> httpx.Response:
        return self.request("DELETE", path, **given)

    def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The result of a unit of work that writes."""
        return self._wait(self.runtime.database.write(work, *args, **kwargs))

    def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The result of a unit of work that reads."""
        return self._wait(self.runtime.database.read(work, *args, **kwargs))

    def insert(self, table: Table, **values: Any) -> str:
        """Insert a row with these values, whatever the routes would say; its id."""
        now = self.clock.now()
        id: str = values.setdefault("id", new_id(now))
        known = filled(table, values, now)

        def work(tx: Transaction) -> None:
            tx.connection.execute(insert(table), known)

        self.write(work)
        return id

    # What the bus asks of those who consume events.

    full = False

    def offer(self, events: list[Event]) -> None:
        self.events += events

    async def room(self) -> None:
        """There always is."""

    def wait(self, awaitable: Awaitable[T]) -> T:
        """The result of what is to be awaited, on the application's loop."""
        return self._wait(awaitable)

    def _wait(self, awaitable: Awaitable[T]) -> T:
        return self._loop.run_until_complete(awaitable)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def application(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    leak_guard: LeakGuard,
) -> Iterator[Application]:
    """One application for all tests of a module, on each database; its tables are shared."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            file = tmp_path_factory.mktemp("application") / "server.db"
            url = f"sqlite+aiosqlite:///{file}"
        else:
            postgres: PostgresServer = request.getfixturevalue("postgres")
            name = postgres.create_database(request.getfixturevalue("_postgres_template"))
            stack.callback(postgres.drop_database, name)
            url = postgres.url(name)
        with leak_guard.adopt():
            # One connection, opened by now: a second one would seem to be left by a test.
            settings = Settings(
                database_url=url,
                ephemeral=True,
                postgres_pool_size=1,
                postgres_max_overflow=0,
            )
            application = Application(settings)
            stack.enter_context(application.running())
        yield application
