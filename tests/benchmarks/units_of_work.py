"""How a unit of work best reaches SQLite: three ways, side by side.

    python -m tests.benchmarks.units_of_work [--repetitions N]

- *asynchronous engine*: SQLAlchemy's, over aiosqlite; every statement hops to its thread and back;
- *one hop, aiosqlite's thread*: a synchronous SQLAlchemy connection over the same sqlite3
  connection, given to that thread a whole unit at a time;
- *one hop, own thread*: the same on a thread and a queue of our own.

The same tables, statements and pragmas; units of three sizes; one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import queue
import sqlite3
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiosqlite
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from ephemeral_server.ids import new_id
from tests.benchmarks.figures import Figure, Samples, table

METADATA = sa.MetaData()
RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("number", sa.BigInteger, index=True),
    *(sa.Column(f"text_{n}", sa.Text) for n in range(20)),
)
KNOWN = "01900000-0000-7000-8000-000000000000"
INSERT = RUNS.insert()
SELECT = sa.select(RUNS).where(RUNS.c.id == sa.bindparam("wanted"))
UPDATE = RUNS.update().where(RUNS.c.id == sa.bindparam("wanted")).values(number=RUNS.c.number + 1)
PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=OFF")

#: A statement with its parameters, in the order of a unit.
Statements = list[tuple[sa.Executable, dict[str, Any]]]

#: Seconds that one sample takes.
SAMPLE_SECONDS = 0.5


def row(identity: str | None = None) -> dict[str, Any]:
    """The values of a new row."""
    texts = {f"text_{n}": "some text of a run" for n in range(20)}
    return {"id": identity or new_id(), "number": 1, **texts}


def read() -> Statements:
    return [(SELECT, {"wanted": KNOWN})]


def write() -> Statements:
    return [(INSERT, row()), (INSERT, row())]


def transition() -> Statements:
    """As large as setting the state of a run: three reads, two writes."""
    known = {"wanted": KNOWN}
    return [(SELECT, known), (SELECT, known), (INSERT, row()), (UPDATE, known), (SELECT, known)]


UNITS: dict[str, tuple[bool, Callable[[], Statements]]] = {
    "read a row": (False, read),
    "insert two rows": (True, write),
    "read, read, insert, update, read": (True, transition),
}


class Candidate(ABC):
    """One way to run a unit of work."""

    @abstractmethod
    async def open(self, file: Path) -> None:
        """Connect to a new database and make its table, with the row `KNOWN`."""

    @abstractmethod
    async def run(self, statements: Statements, writes: bool) -> None:
        """Run the statements in one transaction and fetch what they give."""

    @abstractmethod
    async def close(self) -> None:
        """Give everything back."""


class AsynchronousEngine(Candidate):
    async def open(self, file: Path) -> None:
        self._engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
        async with self._engine.begin() as connection:
            for pragma in PRAGMAS:
                await connection.exec_driver_sql(pragma)
            await connection.run_sync(METADATA.create_all)
            await connection.execute(INSERT, row(KNOWN))

    async def run(self, statements: Statements, writes: bool) -> None:
        async with self._engine.begin() if writes else self._engine.connect() as connection:
            for statement, values in statements:
                result = await connection.execute(statement, values)
                if result.returns_rows:
                    result.first()

    async def close(self) -> None:
        await self._engine.dispose()


class OneHop(Candidate):
    """Whole units on one thread; the two forms differ in whose thread it is."""

    async def run(self, statements: Statements, writes: bool) -> None:
        await self._hop(lambda: self._work(statements, writes))

    @abstractmethod
    async def _hop(self, work: Callable[[], None]) -> None:
        """Run `work` on the connection's thread."""

    def _prepare(self, raw: sqlite3.Connection) -> None:
        for pragma in PRAGMAS:
            raw.execute(pragma)
        engine = sa.create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
        METADATA.create_all(engine)
        self._connection = engine.connect()
        self._work([(INSERT, row(KNOWN))], writes=True)

    def _work(self, statements: Statements, writes: bool) -> None:
        connection = self._connection
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        for statement, values in statements:
            result = connection.execute(statement, values)
            if result.returns_rows:
                result.first()
        connection.commit()


class _AiosqliteConnection(aiosqlite.Connection):
    async def hop(self, work: Callable[[], None]) -> None:
        await self._execute(work)  # type: ignore[no-untyped-call]  # has no annotations


class OneHopAiosqlite(OneHop):
    async def open(self, file: Path) -> None:
        self._driver = _AiosqliteConnection(
            lambda: sqlite3.connect(file, isolation_level=None), iter_chunk_size=64
        )
        await self._driver
        await self._hop(lambda: self._prepare(self._driver._conn))

    async def _hop(self, work: Callable[[], None]) -> None:
        await self._driver.hop(work)

    async def close(self) -> None:
        await self._hop(self._connection.close)
        await self._driver.close()


class OneHopOwnThread(OneHop):
    async def open(self, file: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[tuple[asyncio.Future[None], Callable[[], None]] | None]
        self._queue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

        def connect() -> None:
            self._raw = sqlite3.connect(file, isolation_level=None)
            self._prepare(self._raw)

        await self._hop(connect)

    async def _hop(self, work: Callable[[], None]) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        self._queue.put((done, work))
        await done

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            done, work = job
            try:
                work()
            except BaseException as error:  # belongs to whoever awaits it
                self._loop.call_soon_threadsafe(done.set_exception, error)
            else:
                self._loop.call_soon_threadsafe(done.set_result, None)

    async def close(self) -> None:
        await self._hop(self._connection.close)
        await self._hop(self._raw.close)
        self._queue.put(None)
        self._thread.join()


CANDIDATES: dict[str, type[Candidate]] = {
    "asynchronous engine": AsynchronousEngine,
    "one hop, aiosqlite's thread": OneHopAiosqlite,
    "one hop, own thread": OneHopOwnThread,
}


def measure(repetitions: int) -> list[Figure]:
    """Units a second by each candidate; the candidates take turns.

    Args:
        repetitions: samples of each unit and candidate.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(repetitions):
        for name, candidate in CANDIDATES.items():
            for unit, rate in asyncio.run(_measure(candidate())).items():
                found.setdefault((unit, name), []).append(rate)
    first = next(iter(CANDIDATES))
    return [
        Figure(
            f"{unit}: {name}",
            Samples(found[unit, name], "/s"),
            None if name == first else Samples(found[unit, first], "/s"),
            "" if name == first else first,
        )
        for unit in UNITS
        for name in CANDIDATES
    ]


async def _measure(candidate: Candidate) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        await candidate.open(Path(folder, "data.db"))
        try:
            return {
                unit: await _rate(candidate, writes, make) for unit, (writes, make) in UNITS.items()
            }
        finally:
            await candidate.close()


async def _rate(candidate: Candidate, writes: bool, make: Callable[[], Statements]) -> float:
    for _ in range(20):  # compile the statements, fill the caches
        await candidate.run(make(), writes)
    done, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < SAMPLE_SECONDS:
        await candidate.run(make(), writes)
        done += 1
    return done / passed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.units_of_work")
    parser.add_argument("--repetitions", type=int, default=5)
    print(table(measure(parser.parse_args().repetitions)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
