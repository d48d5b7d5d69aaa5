"""What can be done with the block types of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from ephemeral_server.block_types.events import emit_type_event
from ephemeral_server.block_types.wire import BLOCK_TYPE
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import Prepared, fetch_all
from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import block_type
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.errors import ConflictError, ObjectNotFoundError
from ephemeral_server.ids import new_id

#: All columns of a block type.
TypeRow = Mapping[Any, Any]

_C = block_type.c
_TYPES = select(*[_C[key] for key in BLOCK_TYPE.keys])
_BY_ID = Prepared(_TYPES.where(_C.id == bindparam("id")))
_BY_SLUG = Prepared(_TYPES.where(_C.slug == bindparam("slug")))
_BY_NAME_ORDER = ascending(_C.name, _C.id)
_LOCK = _TYPES.where(_C.id == bindparam("id")).with_for_update()

#: What can be changed of a type, and what a type is presented with.
PRESENTATION = ("logo_url", "documentation_url", "description", "code_example")
_ESCAPED = {"description", "code_example"}


def read_type(connection: Connection, id: str) -> TypeRow | None:
    """The block type of this id."""
    return _BY_ID.mapping(connection, {"id": id})


def read_type_by_slug(connection: Connection, slug: str) -> TypeRow | None:
    """The block type of this slug."""
    return _BY_SLUG.mapping(connection, {"slug": slug})


def list_types(
    connection: Connection, where: Clause, limit: int, offset: int
) -> Sequence[Sequence[Any]]:
    """Some of the block types by name, as values in the order of the keys of `BLOCK_TYPE`."""
    query = _TYPES.where(where).order_by(*_BY_NAME_ORDER).limit(limit).offset(offset)
    return fetch_all(connection, query)


def create_type(tx: Transaction, given: Mapping[str, Any]) -> TypeRow:
    """Make a block type.

    Args:
        given: its `name`, `slug` and presentation.

    Raises:
        ConflictError: there is one of this slug.
    """
    row = new_row(tx, {**given, "is_protected": False})
    if not insert_type(tx, row):
        raise ConflictError(f'Block type with name "{row["name"]}" already exists')
    emit_type_event(tx, "created", row)
    return row


def new_row(tx: Transaction, given: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a block type that is not yet in the database."""
    now = tx.now()
    return {"id": new_id(now), "created": now, "updated": now, **given}


def insert_type(tx: Transaction, row: Mapping[str, Any]) -> bool:
    """Insert the row of a block type unless there is one of its slug; whether it was inserted."""
    insert = insert_or_ignore(tx.dialect, block_type, "slug")
    return bool(tx.connection.execute(insert, row).rowcount)


def lock_type(tx: Transaction, id: str) -> TypeRow:
    """The row of a block type, which nobody else changes until the commit.

    Raises:
        ObjectNotFoundError: there is no such block type.
    """
    row = tx.connection.execute(_LOCK, {"id": id}).mappings().one_or_none()
    if row is None:
        raise ObjectNotFoundError("Block type not found")
    return row


def update_type(tx: Transaction, id: str, changes: Mapping[str, Any]) -> None:
    """Change what a block type is presented with.

    Who names all four members says how the type is: if it is like that, nothing happens. Who
    names some changes it, whatever they hold.

    Args:
        changes: new values by the names of the columns.

    Raises:
        ObjectNotFoundError: there is no such block type.
    """
    before = lock_type(tx, id)
    if len(changes) == len(PRESENTATION) and not _differs(before, changes):
        return
    new = {**changes, "updated": tx.now()}
    tx.connection.execute(update(block_type).where(_C.id == id).values(new))
    emit_type_event(tx, "updated", {**before, **new})


def _differs(row: TypeRow, changes: Mapping[str, Any]) -> bool:
    return any(_plain(key, row[key]) != _plain(key, value) for key, value in changes.items())


def _plain(key: str, value: str | None) -> str | None:
    # Clients compare texts without the escapes that a new type's are given.
    return unescape(value) if value is not None and key in _ESCAPED else value
