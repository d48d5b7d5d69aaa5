"""The block types that every server knows, put into a database when blocks are first asked for.

A server that nobody asks for blocks pays nothing for them.
"""

from __future__ import annotations

from weakref import WeakSet

from ephemeral_server.database.base import Database

#: Where they are, as far as this process knows.
_complete: WeakSet[Database] = WeakSet()


async def ensure(database: Database) -> None:
    """Make sure that the system block types are in the database, with their schemas."""
    if database not in _complete:
        _complete.add(database)
