"""Reading documents with their types, their schemas and all that they refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, select

from ephemeral_server.block_documents.document import Document
from ephemeral_server.block_documents.graph import REFERENCE, references_below
from ephemeral_server.block_schemas.store import schema_columns
from ephemeral_server.block_types.wire import BLOCK_TYPE
from ephemeral_server.database.operators import Clause, is_in
from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import (
    block_document,
    block_schema,
    block_type,
)
from ephemeral_server.encryption.vault import Vault

Row = Mapping[Any, Any]

_C = block_document.c
#: The type of a schema: nothing keeps a document from having a schema of another type.
_schema_type = block_type.alias("schema_type")

_OWN = [*_C, *[block_type.c[key].label(f"block_type.{key}") for key in BLOCK_TYPE.keys]]
_SCHEMA = schema_columns("block_schema.", block_schema, _schema_type)
#: Of the schema of what a document refers to.
_SCHEMA_BELOW = [
    block_schema.c[key].label(f"block_schema.{key}") for key in ("fields", "capabilities")
]
_REFERS = exists().where(REFERENCE.parent_block_document_id == _C.id).correlate(block_document)

#: Documents with their types and schemas, and whether they refer to others.
DOCUMENTS = (
    select(*_OWN, *_SCHEMA, _REFERS.label("refers"))
    .join_from(block_document, block_type, block_type.c.id == _C.block_type_id)
    .join(block_schema, block_schema.c.id == _C.block_schema_id)
    .join(_schema_type, _schema_type.c.id == block_schema.c.block_type_id)
)


def _all_below(where: Clause) -> Select[Any]:
    """What there is to know of all that documents refer to, see `references_below`."""
    below = references_below(where)
    place = [below.c.parent_block_document_id.label("parent"), below.c.name.label("key")]
    child = below.c.reference_block_document_id == _C.id
    return (
        select(*place, *_OWN, *_SCHEMA_BELOW)
        .join_from(below, block_document, child)
        .join(block_type, block_type.c.id == _C.block_type_id)
        .join(block_schema, block_schema.c.id == _C.block_schema_id)
        .order_by(below.c.name)
    )


_BELOW_ONE = Prepared(_all_below(REFERENCE.parent_block_document_id == bindparam("parent_id")))


def documents_of(
    connection: Connection, vault: Vault | None, rows: Sequence[Row]
) -> list[Document]:
    """The documents of rows of `DOCUMENTS`, with all that they refer to.

    Args:
        vault: opens their data; without one they have none.
    """
    below = _rows_below(connection, [row["id"] for row in rows if row["refers"]])
    found: dict[str, Document] = {}
    for row in (*rows, *below):
        if row["id"] not in found:
            own = vault.unseal(connection, row["data"]) if vault else "{}"
            found[row["id"]] = Document(row, own)
    for row in below:
        found[row["parent"]].references[row["key"]] = found[row["id"]]
    return [found[row["id"]] for row in rows]


def _rows_below(connection: Connection, ids: list[str]) -> Sequence[Row]:
    if not ids:
        return []
    if len(ids) == 1:
        return _BELOW_ONE.mappings(connection, {"parent_id": ids[0]})
    where = is_in(REFERENCE.parent_block_document_id, ids, connection.dialect.name)
    return connection.execute(_all_below(where)).mappings().all()
