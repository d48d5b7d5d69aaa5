"""Whether the database is away, or does not accept what it was given."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from ephemeral_server.clock import ManualClock
from ephemeral_server.database import Database, Transaction, open_database
from ephemeral_server.database.failures import is_outage
from ephemeral_server.database.tables import configuration
from ephemeral_server.settings import Settings

ROW = {"id": "01a202b0-3e2a-7253-9e30-1df1e1f8adce", "created": 0, "updated": 0, "value": "1"}


def failure(url: str, *work: Callable[[Transaction], object]) -> Exception:
    """What the last unit of `work` raises."""

    async def run() -> Exception:
        settings = Settings(database_url=url, ephemeral=True)
        database: Database = await open_database(settings, ManualClock(0), lambda events: None)
        try:
            for unit in work[:-1]:
                await database.write(unit)
            with pytest.raises(Exception) as raised:
                await database.write(work[-1])
            return raised.value
        finally:
            await database.close()

    return asyncio.run(run())


def add(**values: object) -> Callable[[Transaction], object]:
    return lambda tx: tx.connection.execute(configuration.insert(), {**ROW, **values})


def say(statement: str) -> Callable[[Transaction], object]:
    return lambda tx: tx.connection.execute(text(statement))


def test_a_collision_is_no_outage(database_url: str) -> None:
    assert not is_outage(failure(database_url, add(key="a"), add(key="a")))


def test_a_value_that_is_missing_is_no_outage(database_url: str) -> None:
    assert not is_outage(failure(database_url, add(key=None)))


def test_a_value_of_a_wrong_kind_is_no_outage(database_url: str) -> None:
    assert not is_outage(failure(database_url, add(key=object())))


def test_a_text_that_cannot_be_stored_is_no_outage(database_url: str) -> None:
    assert not is_outage(failure(database_url, add(key="\ud800")))


def test_a_statement_that_makes_no_sense_is_no_outage(database_url: str) -> None:
    assert not is_outage(failure(database_url, say("SELECT * FROM nothing")))


def test_an_error_of_ours_is_no_outage(database_url: str) -> None:
    def fail(tx: Transaction) -> None:
        raise KeyError("x")

    assert not is_outage(failure(database_url, fail))


def test_a_connection_that_postgresql_cuts_is_an_outage(postgres_url: str) -> None:
    assert is_outage(failure(postgres_url, say("SELECT pg_terminate_backend(pg_backend_pid())")))


def test_a_postgresql_that_nobody_serves_is_an_outage(tmp_path: Path) -> None:
    with pytest.raises(OSError) as raised:
        failure(f"postgresql+asyncpg://me@/data?host={tmp_path}", say("SELECT 1"))
    assert is_outage(raised.value)


def test_a_file_that_another_process_locked_is_an_outage(tmp_path: Path) -> None:
    first, second = (sqlite3.connect(tmp_path / "data.db", timeout=0) for _ in range(2))
    try:
        first.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as raised:
            second.execute("BEGIN IMMEDIATE")
    finally:
        first.close()
        second.close()
    assert is_outage(raised.value)


def test_a_file_that_may_not_be_written_is_an_outage(tmp_path: Path) -> None:
    file = tmp_path / "data.db"
    sqlite3.connect(file).close()
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        with pytest.raises(sqlite3.OperationalError) as raised:
            connection.execute("CREATE TABLE t (x)")
    finally:
        connection.close()
    assert is_outage(raised.value)
