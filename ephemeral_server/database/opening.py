"""From a URL to an open database with its schema."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ephemeral_server.clock import Clock
from ephemeral_server.database.base import Database, Publish
from ephemeral_server.database.schema import bring_schema
from ephemeral_server.errors import SettingsError
from ephemeral_server.settings import Settings

SQLITE = "sqlite+aiosqlite"
POSTGRESQL = "postgresql+asyncpg"


async def open_database(settings: Settings, clock: Clock, publish: Publish) -> Database:
    """Open the database of `settings`, creating its tables if it has none.

    Args:
        settings: `database_url` says where; `ephemeral` data need not survive a power failure.
        clock: given to every transaction.
        publish: receives the events of each committed transaction.

    Raises:
        SettingsError: no usable URL.
        SchemaMismatchError: the tables were made by another version.
    """
    url = parse_url(settings.database_url)
    if url.drivername == SQLITE:
        from ephemeral_server.database.sqlite import SqliteDatabase

        sqlite = SqliteDatabase(url, clock, publish, durable=not settings.ephemeral)
        await sqlite.open(partial(bring_schema, now=clock.now()))
        return sqlite
    from ephemeral_server.database.postgres import PostgresDatabase

    postgres = PostgresDatabase(
        url,
        clock,
        publish,
        pool_size=settings.postgres_pool_size,
        max_overflow=settings.postgres_max_overflow,
    )
    await postgres.open(partial(bring_schema, now=clock.now()))
    return postgres


def parse_url(text: str | None) -> URL:
    """The URL of a database, with the driver that is used.

    Raises:
        SettingsError: it is not one of a database that can be used.
    """
    if text is None:
        raise SettingsError("Setting 'database_url' is missing.")
    try:
        url = make_url(text)
    except ArgumentError:
        raise SettingsError("Setting 'database_url' is not a URL of SQLAlchemy's form.") from None
    drivers = {"sqlite": SQLITE, "postgresql": POSTGRESQL, "postgres": POSTGRESQL}
    url = url.set(drivername=drivers.get(url.drivername, url.drivername))
    if url.drivername not in (SQLITE, POSTGRESQL):
        raise SettingsError(
            f"Setting 'database_url' must begin with {SQLITE}:// or {POSTGRESQL}://, "
            f"not {url.drivername}://."
        )
    if url.drivername == SQLITE:
        if not url.database or url.database == ":memory:":
            raise SettingsError(
                "Setting 'database_url' must name a file: a SQLite database in memory cannot "
                "be shared by the server's connections. Leave it out for a temporary one."
            )
        folder = Path(url.database).parent
        if not folder.is_dir():
            raise SettingsError(f"The folder of the database does not exist: {folder}")
    return url
