"""SQLite: one fair writer and a few snapshot readers, each on the thread of its connection.

Each connection is an aiosqlite connection; a unit of work reaches its thread in one hop and
uses a synchronous SQLAlchemy connection over the same sqlite3 connection there. Through the
asynchronous engine every single statement would cost such a hop (see the benchmark
``tests.benchmarks.units_of_work``).
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import aiosqlite
from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.pool import StaticPool

from ephemeral_server.clock import Clock
from ephemeral_server.database.base import Publish
from ephemeral_server.database.notices import Notices
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import DatabaseClosedError, SettingsError

P = ParamSpec("P")
T = TypeVar("T")

#: Readers are opened as they are needed, up to this many.
READERS = 3
#: A group of waiting writes is committed together, up to this many or this long (seconds).
GROUP_SIZE = 64
GROUP_SECONDS = 0.01
_OTHER_PROCESS_WAIT = 30.0
#: So much of the file is mapped into memory, in bytes.
_MAPPED = 1 << 30


class SqliteDatabase:
    """A SQLite file, open."""

    dialect = "sqlite"

    def __init__(self, url: URL, clock: Clock, publish: Publish, *, durable: bool) -> None:
        self._url = url
        self._clock = clock
        self._publish = publish
        self.notices = Notices()
        self._durable = durable
        self._readers: list[_WorkConnection] = []
        self._idle: asyncio.LifoQueue[_WorkConnection] = asyncio.LifoQueue()
        self._waiting: deque[_Write] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._closed = False
        self._writer = self._connection()

    @property
    def url(self) -> str:
        return self._url.render_as_string(hide_password=False)

    def now(self) -> int:
        return self._clock.now()

    async def open(self, prepare: Callable[[Connection], None]) -> None:
        """Open the writer and let `prepare` bring the schema.

        Raises:
            SettingsError: the file cannot be opened or written.
        """
        try:
            await self._writer.open()
        except sqlite3.Error as error:
            raise SettingsError(
                f"The database of setting 'database_url' cannot be opened: {error}. Its file "
                f"{self._url.database!r} and the folder of it must be yours to write."
            ) from error
        try:
            await self._writer.run(partial(_prepare, self._writer, prepare))
        except BaseException:
            await self._writer.close()
            raise

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._closed:
            raise DatabaseClosedError("The database is closed.")
        reader = await self._take_reader()
        try:
            return await reader.run(partial(_snapshot, reader, work, args, kwargs))
        finally:
            self._idle.put_nowait(reader)

    async def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._closed:
            raise DatabaseClosedError("The database is closed.")
        write = _Write(work, args, kwargs, asyncio.get_running_loop().create_future())
        self._waiting.append(write)
        if self._pump is None:
            self._pump = asyncio.create_task(self._write_groups())
        result: T = await write.answer
        return result

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        while self._pump is not None:
            await asyncio.wait([self._pump])
        for _ in self._readers:  # each comes back when its unit of work is done
            await (await self._idle.get()).close()
        await self._writer.close()

    def _connection(self) -> _WorkConnection:
        synchronous = "NORMAL" if self._durable else "OFF"
        return _WorkConnection(partial(_connect, self._url.database or ":memory:", synchronous))

    def _unit(self) -> Transaction:
        return Transaction(self._writer.core, self._clock, self.notices)

    async def _take_reader(self) -> _WorkConnection:
        if self._idle.empty() and len(self._readers) < READERS:
            reader = self._connection()
            self._readers.append(reader)
            try:
                await reader.open()
            except BaseException:
                self._readers.remove(reader)
                raise
            return reader
        return await self._idle.get()

    async def _write_groups(self) -> None:
        """Commit what waits, group by group, until nothing does."""
        try:
            while self._waiting:
                group = list(self._waiting)[:GROUP_SIZE]
                group = [write for write in group if not write.answer.done()] or group[:1]
                done = await self._writer.run(partial(_commit, self._writer, group, self._unit))
                finished = {id(write) for write, _, _ in done}
                self._waiting = deque(w for w in self._waiting if id(w) not in finished)
                for write, transaction, outcome in done:
                    if transaction is not None:
                        transaction.finish(self._publish)
                    write.resolve(outcome)
        finally:
            self._pump = None


class _WorkConnection(aiosqlite.Connection):
    """An aiosqlite connection whose thread also takes a whole unit of work."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        # A server that is never shut down must not keep the interpreter from exiting.
        self._thread.daemon = True
        self.raw: sqlite3.Connection
        self.core: Connection
        self._stopped: asyncio.Future[Any] | None = None

    def stop(self) -> asyncio.Future[Any] | None:
        self._stopped = super().stop()
        return self._stopped

    async def open(self) -> None:
        try:
            await self
        except BaseException:
            # Its thread is about to end; it needs the loop for that, which may be closed soon.
            if self._stopped is not None:
                await self._stopped
                self._thread.join()
            raise
        await self.run(self._wrap)

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` on this connection's thread, in one hop."""
        execute: Callable[[Callable[[], T]], Awaitable[T]] = self._execute
        return await execute(work)

    # SQLAlchemy knows of a transaction only once a statement went through it, so the sqlite3
    # connection has the last word. Both run on this connection's thread.

    def commit_unit(self) -> None:
        self.core.commit()
        self.raw.commit()

    def rollback_unit(self) -> None:
        self.core.rollback()
        self.raw.rollback()

    async def close(self) -> None:
        if hasattr(self, "core"):
            await self.run(self._unwrap)
        await super().close()
        if self._stopped is not None:
            self._thread.join()  # it has just said its last word

    def _wrap(self) -> None:
        raw = self._conn
        self.raw = raw
        engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
        self.core = engine.connect()

    def _unwrap(self) -> None:
        self.core.close()
        self.core.engine.dispose()


class _Write:
    """A unit of work that waits for its turn, and the future its caller awaits."""

    __slots__ = ("answer", "args", "kwargs", "work")

    def __init__(
        self,
        work: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        answer: asyncio.Future[Any],
    ) -> None:
        self.work, self.args, self.kwargs, self.answer = work, args, kwargs, answer

    def resolve(self, outcome: _Outcome) -> None:
        if self.answer.done():
            return
        if outcome.error is not None:
            self.answer.set_exception(outcome.error)
        else:
            self.answer.set_result(outcome.result)


class _Outcome:
    __slots__ = ("error", "result")

    def __init__(self, result: Any = None, error: BaseException | None = None) -> None:
        self.result, self.error = result, error


_Done = tuple[_Write, Transaction | None, _Outcome]


def _connect(file: str, synchronous: str) -> sqlite3.Connection:
    raw = sqlite3.connect(
        file, timeout=_OTHER_PROCESS_WAIT, isolation_level=None, cached_statements=256
    )
    try:
        # First: the change to WAL syncs the file four times unless it is told not to.
        raw.execute(f"PRAGMA synchronous={synchronous}")
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA cache_size=-8000")
        # A statement with triggers keeps what it changes until it ends: too much for no file.
        raw.execute("PRAGMA temp_store=MEMORY")
        # To walk an index of some megabytes takes a third of the time of reading its pages.
        raw.execute(f"PRAGMA mmap_size={_MAPPED}")
    except BaseException:
        raw.close()
        raise
    return raw


def _prepare(connection: _WorkConnection, prepare: Callable[[Connection], None]) -> None:
    prepare(connection.core)
    connection.commit_unit()


def _snapshot(
    reader: _WorkConnection,
    work: Callable[..., T],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> T:
    reader.raw.execute("BEGIN")
    try:
        return work(reader.core, *args, **kwargs)
    finally:
        reader.rollback_unit()


def _commit(
    writer: _WorkConnection, group: list[_Write], unit: Callable[[], Transaction]
) -> list[_Done]:
    """Run a group of units of work in one transaction; each fails or succeeds by itself."""
    started = time.monotonic()
    done: list[_Done] = []
    raw = writer.raw
    try:
        raw.execute("BEGIN IMMEDIATE")
        for write in group:
            if done and time.monotonic() - started > GROUP_SECONDS:
                break
            done.append(_run_one(writer, write, unit(), alone=len(group) == 1))
        writer.commit_unit()
    except Exception as error:  # the group as a whole failed: every caller is told
        writer.rollback_unit()
        return [(write, None, _Outcome(error=error)) for write in group]
    return done


def _run_one(
    writer: _WorkConnection, write: _Write, transaction: Transaction, *, alone: bool
) -> _Done:
    raw = writer.raw
    if not alone:
        raw.execute("SAVEPOINT unit")
    try:
        result = write.work(transaction, *write.args, **write.kwargs)
    except Exception as error:  # belongs to the caller, who awaits it
        if alone:
            writer.rollback_unit()
            raw.execute("BEGIN IMMEDIATE")
        else:
            raw.execute("ROLLBACK TO unit")
            raw.execute("RELEASE unit")
        return write, None, _Outcome(error=error)
    if not alone:
        raw.execute("RELEASE unit")
    return write, transaction, _Outcome(result)
