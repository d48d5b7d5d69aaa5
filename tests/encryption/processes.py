"""Servers that share a database, each with what a process of its own would have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.engine import make_url

from ephemeral_server.clock import ManualClock
from ephemeral_server.database import Database, Transaction, open_database
from ephemeral_server.database.tables import block_document, block_schema, block_type
from ephemeral_server.encryption.keys import Keys, store_of
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.ids import new_id
from ephemeral_server.settings import Settings

SECRET = '{"value":"hunter2-of-the-north"}'


class Process:
    """A connection to the database and a vault."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.vault = Vault(settings)
        self._keys = store_of(settings.database_url or "")

    async def store(self, text: str = SECRET) -> str:
        """Store a document that holds `text`; its id."""
        [id] = await self.store_many(1, text)
        return id

    async def store_many(self, number: int, text: str = SECRET) -> list[str]:
        """Store some such documents in one transaction; their ids."""
        return await self.database.write(_store_many, self.vault, number, text)

    async def store_plain(self, text: str) -> str:
        """The same as a temporary database would have it."""
        return await self.database.write(_store, Vault(Settings(), temporary=True), text)

    async def read(self, id: str) -> str:
        """What the document holds."""
        return await self.database.read(_read, self.vault, id)

    async def stored(self, id: str) -> str:
        """The same as it is stored."""
        return await self.database.read(_stored, id)

    async def damage(self, id: str) -> None:
        """Make the document one that no key opens."""
        await self.database.write(_damage, id)

    async def rotate(self) -> int:
        return await self.database.write(self.vault.rotate)

    async def keys(self) -> Keys:
        """Those that are kept with the database."""
        return await self.database.read(self._keys.read)


@asynccontextmanager
async def process(url: str, **given: Any) -> AsyncIterator[Process]:
    settings = Settings(database_url=url, **given)
    database = await open_database(settings, ManualClock(), lambda events: None)
    try:
        yield Process(database, settings)
    finally:
        await database.close()


def bytes_of(url: str) -> bytes:
    """All that the files of a SQLite database hold."""
    file = Path(make_url(url).database or "")
    parts = [file, file.with_name(f"{file.name}-wal")]
    return b"".join(part.read_bytes() for part in parts if part.exists())


def key_file(url: str) -> Path:
    return Path(f"{make_url(url).database}.key")


def _store_many(tx: Transaction, vault: Vault, number: int, text: str) -> list[str]:
    return [_store(tx, vault, text) for _ in range(number)]


def _store(tx: Transaction, vault: Vault, text: str) -> str:
    now = tx.now()
    row: dict[str, Any] = {"created": now, "updated": now}
    kind, schema, document = (new_id(now) for _ in range(3))
    named = {"name": "kind", "slug": kind, "is_protected": False}
    tx.connection.execute(block_type.insert(), {"id": kind, **named, **row})
    version = {"checksum": schema, "version": "1", "fields": "{}", "capabilities": "[]"}
    row["block_type_id"] = kind
    tx.connection.execute(block_schema.insert(), {"id": schema, **version, **row})
    held = {"name": document, "block_type_name": "kind", "is_anonymous": False}
    row |= {"data": vault.seal(tx, text), "block_schema_id": schema}
    tx.connection.execute(block_document.insert(), {"id": document, **held, **row})
    return document


def _stored(connection: Connection, id: str) -> str:
    query = select(block_document.c.data).where(block_document.c.id == id)
    data: str = connection.execute(query).scalar_one()
    return data


def _read(connection: Connection, vault: Vault, id: str) -> str:
    return vault.unseal(connection, _stored(connection, id))


def _damage(tx: Transaction, id: str) -> None:
    change = update(block_document).where(block_document.c.id == id).values(data="gAAAAdamaged")
    tx.connection.execute(change)
