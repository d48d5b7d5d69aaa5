"""The schema that is shipped, and how a database gets it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from ephemeral_server.clock import SystemClock
from ephemeral_server.database import open_database
from ephemeral_server.database.make_schema import compiled
from ephemeral_server.database.schema import shipped
from ephemeral_server.errors import SchemaMismatchError, SettingsError
from ephemeral_server.settings import Settings


async def open_and_close(*urls: str) -> None:
    databases = await asyncio.gather(
        *(
            open_database(Settings(database_url=url), SystemClock(), lambda events: None)
            for url in urls
        )
    )
    for database in databases:
        await database.close()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_shipped_script_is_what_the_tables_say(dialect: str) -> None:
    assert shipped(dialect) == compiled(dialect), (
        "Run `python -m ephemeral_server.database.make_schema`."
    )


def test_an_empty_database_gets_the_tables_and_a_second_start_finds_them(
    database_url: str,
) -> None:
    asyncio.run(open_and_close(database_url))
    asyncio.run(open_and_close(database_url))


def test_servers_that_start_together_on_an_empty_database_both_start(
    empty_postgres_url: str,
) -> None:
    asyncio.run(open_and_close(*[empty_postgres_url] * 4))


def test_tables_of_another_program_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    with sqlite3.connect(file) as theirs:
        theirs.execute("CREATE TABLE flow (id INTEGER)")
    theirs.close()
    with pytest.raises(SchemaMismatchError, match="another program or another version"):
        asyncio.run(open_and_close(f"sqlite+aiosqlite:///{file}"))
    with sqlite3.connect(file) as theirs:
        assert theirs.execute("SELECT name FROM sqlite_master").fetchall() == [("flow",)]
    theirs.close()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://localhost/db", "must begin with"),
        ("not a url", "is not a URL"),
        ("sqlite+aiosqlite://", "must name a file"),
        ("sqlite+aiosqlite:///:memory:", "must name a file"),
        ("sqlite+aiosqlite:////no/such/folder/file.db", "folder of the database does not exist"),
    ],
)
def test_an_unusable_url_is_told_with_what_is_allowed(url: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        asyncio.run(open_and_close(url))
