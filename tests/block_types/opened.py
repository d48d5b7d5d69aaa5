"""Databases without a server around them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

from sqlalchemy import Connection, select

from ephemeral_server.block_types.wire import BLOCK_TYPE
from ephemeral_server.clock import ManualClock
from ephemeral_server.database import Database, open_database
from ephemeral_server.database.tables import block_schema, block_type
from ephemeral_server.settings import Settings


class Opened:
    """One database, which may be opened several times, as several servers do.

    Attributes:
        events: what was published.
    """

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.clock = ManualClock()
        self.events: list[Any] = []
        self._settings = Settings(database_url=url, ephemeral=True)
        self._stack = stack

    async def open(self) -> Database:
        database = await open_database(self._settings, self.clock, self.events.extend)
        self._stack.push_async_callback(database.close)
        return database


def with_database(url: str, test: Callable[[Opened], Coroutine[Any, Any, None]]) -> None:
    """Run a test on a database and close all that it has opened."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            await test(Opened(url, stack))

    asyncio.run(run())


async def types_of(database: Database) -> dict[str, dict[str, Any]]:
    """The rows of all block types by their slugs."""

    def read(connection: Connection) -> dict[str, dict[str, Any]]:
        rows = connection.execute(select(*[block_type.c[key] for key in BLOCK_TYPE.keys]))
        return {row.slug: dict(row._mapping) for row in rows}

    return await database.read(read)


async def schemas_of(database: Database) -> list[tuple[str, str]]:
    """Of all block schemas, the slugs of their types and their versions, in order."""

    def read(connection: Connection) -> list[tuple[str, str]]:
        query = select(block_type.c.slug, block_schema.c.version).join_from(
            block_schema, block_type, block_type.c.id == block_schema.c.block_type_id
        )
        return sorted((row.slug, row.version) for row in connection.execute(query))

    return await database.read(read)
