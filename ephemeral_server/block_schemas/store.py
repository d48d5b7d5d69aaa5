"""What can be done with the block schemas of the database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, FromClause, Label, bindparam, select

from ephemeral_server.block_schemas.wire import BLOCK_SCHEMA
from ephemeral_server.block_types.wire import BLOCK_TYPE
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import Prepared, fetch_all
from ephemeral_server.database.sorting import descending
from ephemeral_server.database.tables import block_schema, block_type

#: The columns of a schema, and after ``type.`` those of its type.
SchemaRow = Mapping[Any, Any]

NOT_FOUND = "Block schema not found"

_C = block_schema.c


def schema_columns(
    prefix: str = "", schemas: FromClause = block_schema, types: FromClause = block_type
) -> list[Label[Any]]:
    """The columns of a schema with its type, by the keys of `BLOCK_SCHEMA`.

    Args:
        prefix: what precedes each key, see `Shape.below`.
        schemas: the table or an alias of it.
        types: the table or an alias of it, joined to the type of the schema.
    """
    columns: dict[str, Any] = {key: schemas.c.get(key) for key in BLOCK_SCHEMA.keys}
    columns |= {f"type.{key}": types.c[key] for key in BLOCK_TYPE.keys}
    return [columns[key].label(prefix + key) for key in BLOCK_SCHEMA.keys]


_SCHEMAS = select(*schema_columns()).join_from(
    block_schema, block_type, block_type.c.id == _C.block_type_id
)
_NEWEST = _SCHEMAS.order_by(*descending(_C.created, _C.id)).limit(1)
_OF_CHECKSUM = _C.checksum == bindparam("checksum")
_BY_ID = Prepared(_SCHEMAS.where(_C.id == bindparam("id")))
_BY_CHECKSUM = Prepared(_NEWEST.where(_OF_CHECKSUM))
_BY_VERSION = Prepared(_SCHEMAS.where(_OF_CHECKSUM, _C.version == bindparam("version")))
_CAPABILITIES = select(_C.capabilities).distinct()


def read_schema(connection: Connection, id: str) -> SchemaRow | None:
    """The block schema of this id."""
    return _BY_ID.mapping(connection, {"id": id})


def read_schema_by_checksum(
    connection: Connection, checksum: str, version: str | None = None
) -> SchemaRow | None:
    """The block schema of this checksum in this version, or the newest one if that is None."""
    if version is None:
        return _BY_CHECKSUM.mapping(connection, {"checksum": checksum})
    return _BY_VERSION.mapping(connection, {"checksum": checksum, "version": version})


def list_schemas(
    connection: Connection, where: Clause, limit: int, offset: int
) -> Sequence[Sequence[Any]]:
    """Some of the block schemas, the newest first, as values in the order of `BLOCK_SCHEMA`."""
    query = _SCHEMAS.where(where).order_by(*descending(_C.created, _C.id))
    return fetch_all(connection, query.limit(limit).offset(offset))


def list_capabilities(connection: Connection) -> list[str]:
    """What the blocks of any schema are capable of, by name."""
    return sorted({name for text in connection.scalars(_CAPABILITIES) for name in json.loads(text)})
