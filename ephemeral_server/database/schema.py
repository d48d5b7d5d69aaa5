"""The schema of a fresh database, as one script.

``schema/sqlite.sql`` and ``schema/postgresql.sql`` are written from the tables by
``python -m ephemeral_server.database.make_schema`` and shipped, since compiling some eighty
``CREATE`` statements at every start costs more than running them. A test compares both.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, select

from ephemeral_server.database.tables import configuration
from ephemeral_server.errors import SchemaMismatchError
from ephemeral_server.ids import new_id

FOLDER = Path(__file__).with_name("schema")
_KEY = "schema"


def bring_schema(connection: Connection, now: int) -> None:
    """Create the tables of an empty database; check those of another one.

    Args:
        connection: inside a transaction.
        now: the instant to note as the schema's creation.

    Raises:
        SchemaMismatchError: the tables were made by another version of this package.
    """
    sqlite_database = connection.dialect.name == "sqlite"
    if not sqlite_database:
        # Servers that start together on one database: one creates, the others wait and check.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5218490911)")
    if sqlite_database:
        found = connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").first()
        tables = found is not None
    else:
        tables = inspect(connection).has_table(configuration.name)
    script = shipped(connection.dialect.name)
    stamp = f'"{hashlib.sha256(script.encode()).hexdigest()}"'
    if tables:
        _check(connection, stamp)
        return
    if sqlite_database:
        raw: Any = connection.connection.dbapi_connection
        raw.executescript(f"BEGIN;{script}COMMIT;")
    else:
        for statement in script.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    row = {"id": new_id(now), "created": now, "updated": now, "key": _KEY, "value": stamp}
    connection.execute(configuration.insert(), row)


def _check(connection: Connection, stamp: str) -> None:
    found = None
    if inspect(connection).has_table(configuration.name):
        query = select(configuration.c.value).where(configuration.c.key == _KEY)
        found = connection.execute(query).scalar()
    if found != stamp:
        raise SchemaMismatchError(
            "The database holds tables that another program or another version of "
            "ephemeral-server made. Give an empty database, or use the version that made it."
        )


@lru_cache
def shipped(dialect: str) -> str:
    """The script in the package for ``"sqlite"`` or ``"postgresql"``."""
    return (FOLDER / f"{dialect}.sql").read_text(encoding="utf-8")
