"""PostgreSQL: units of work through asyncpg, each in a transaction of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ephemeral_server.clock import Clock
from ephemeral_server.database.base import Publish
from ephemeral_server.database.notices import Notices
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import DatabaseClosedError

P = ParamSpec("P")
T = TypeVar("T")

#: How often a unit of work is tried at most.
ATTEMPTS = 5
#: The same by the database's error code. A unit that found nothing and then collided with a row
#: that somebody else inserted meanwhile finds that row when it is run again.
_TRY_AGAIN: Mapping[str | None, int] = {
    "40001": ATTEMPTS,  # serialization failure
    "40P01": ATTEMPTS,  # deadlock
    "23505": 2,  # unique violation
}


class PostgresDatabase:
    """A PostgreSQL database, open."""

    dialect = "postgresql"

    def __init__(
        self, url: URL, clock: Clock, publish: Publish, *, pool_size: int, max_overflow: int
    ) -> None:
        self._url = url
        self._clock = clock
        self._publish = publish
        self.notices = Notices()
        self._closed = False
        self._units = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_pre_ping=True,
            connect_args={"server_settings": {"timezone": "UTC"}},
        )

    @property
    def url(self) -> str:
        return self._url.render_as_string(hide_password=False)

    def now(self) -> int:
        return self._clock.now()

    async def open(self, prepare: Callable[[Connection], None]) -> None:
        """Connect and let `prepare` bring the schema."""
        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(prepare)
        except BaseException:
            await self._engine.dispose()
            raise

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._closed:
            raise DatabaseClosedError("The database is closed.")
        async with self._unit(), self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            return await connection.run_sync(work, *args, **kwargs)

    async def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._closed:
            raise DatabaseClosedError("The database is closed.")
        async with self._unit():
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    transaction, result = await self._attempt(work, *args, **kwargs)
                except DBAPIError as error:
                    if attempt >= _TRY_AGAIN.get(_state(error), 0):
                        raise
                else:
                    break
            transaction.finish(self._publish)
            return result

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._idle.wait()
            await self._engine.dispose()

    @asynccontextmanager
    async def _unit(self) -> AsyncIterator[None]:
        """Closing waits until every unit of work that was handed in is over."""
        self._units += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._units -= 1
            if self._units == 0:
                self._idle.set()

    async def _attempt(
        self, work: Callable[..., T], *args: Any, **kwargs: Any
    ) -> tuple[Transaction, T]:
        def unit(connection: Connection) -> tuple[Transaction, T]:
            transaction = Transaction(connection, self._clock, self.notices)
            return transaction, work(transaction, *args, **kwargs)

        async with self._engine.begin() as connection:
            return await connection.run_sync(unit)


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
