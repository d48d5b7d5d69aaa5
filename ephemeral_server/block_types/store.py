"""What can be done with the block types of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from ephemeral_server.block_types.events import emit_type_event
from ephemeral_server.block_types.wire import BLOCK_TYPE
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import Prepared, fetch_all
from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import block_type
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.errors import ConflictError
from ephemeral_server.ids import new_id

#: All columns of a block type.
TypeRow = Mapping[Any, Any]

_C = block_type.c
_TYPES = select(*[_C[key] for key in BLOCK_TYPE.keys])
_BY_ID = Prepared(_TYPES.where(_C.id == bindparam("id")))
_BY_SLUG = Prepared(_TYPES.where(_C.slug == bindparam("slug")))
_BY_NAME_ORDER = ascending(_C.name, _C.id)


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


def create_type(
    tx: Transaction,
    name: str,
    slug: str,
    *,
    logo_url: str | None = None,
    documentation_url: str | None = None,
    description: str | None = None,
    code_example: str | None = None,
    is_protected: bool = False,
) -> TypeRow:
    """Make a block type.

    Raises:
        ConflictError: there is one of this slug.
    """
    now = tx.now()
    row = {
        "id": new_id(now),
        "created": now,
        "updated": now,
        "name": name,
        "slug": slug,
        "logo_url": logo_url,
        "documentation_url": documentation_url,
        "description": description,
        "code_example": code_example,
        "is_protected": is_protected,
    }
    insert = insert_or_ignore(tx.dialect, block_type, "slug")
    if not tx.connection.execute(insert, row).rowcount:
        raise ConflictError(f'Block type with name "{name}" already exists')
    emit_type_event(tx, "created", row)
    return row
