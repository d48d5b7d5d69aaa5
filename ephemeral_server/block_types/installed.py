"""The block types that every server knows are put into a database when it is asked for blocks.

A server that nobody asks for blocks pays nothing for them.
"""

from __future__ import annotations

from weakref import WeakSet

from sqlalchemy import Connection, bindparam, select, update

from ephemeral_server.block_types.system.catalogue import SYSTEM_TYPES, digest
from ephemeral_server.block_types.system.installation import put_system_type
from ephemeral_server.database.base import Database
from ephemeral_server.database.tables import configuration
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.ids import new_id
from ephemeral_server.wire import dump

#: The row of the configuration that says which types are there: with which `digest`.
KEY = "system-block-types"

#: The databases where they are all there, as far as this process knows.
_complete: WeakSet[Database] = WeakSet()

_C = configuration.c
_PRESENT = select(_C.value).where(_C.key == KEY)
_REPLACE = (
    update(configuration)
    .where(_C.key == KEY, _C.value != bindparam("wanted"))
    .values(value=bindparam("wanted"), updated=bindparam("now"))
)


async def ensure(database: Database) -> None:
    """Put the system block types and their schemas into the database, if they are not there.

    Those that somebody has deleted stay away until a version of this package has others.
    """
    if database in _complete:
        return
    wanted = dump(digest())
    if await database.read(_present) != wanted:
        await database.write(_install, wanted)
    _complete.add(database)


def restore(tx: Transaction) -> None:
    """Put the types that the server itself needs into the database as they were at first."""
    for type in SYSTEM_TYPES:
        if type.is_protected:
            put_system_type(tx, type)


def _present(connection: Connection) -> str | None:
    found: str | None = connection.scalar(_PRESENT)
    return found


def _install(tx: Transaction, wanted: str) -> None:
    if _claim(tx, wanted):
        for type in SYSTEM_TYPES:
            put_system_type(tx, type)


def _claim(tx: Transaction, wanted: str) -> bool:
    """Note that the types are there; false if another server has done it meanwhile."""
    now = tx.now()
    row = {"id": new_id(now), "created": now, "updated": now, "key": KEY, "value": wanted}
    insert = insert_or_ignore(tx.dialect, configuration, "key")
    if tx.connection.execute(insert, row).rowcount:
        return True
    return bool(tx.connection.execute(_REPLACE, {"wanted": wanted, "now": now}).rowcount)
