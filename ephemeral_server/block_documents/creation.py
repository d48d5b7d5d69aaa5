"""Making block documents."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from ephemeral_server.block_documents import references
from ephemeral_server.block_documents.document import Document
from ephemeral_server.block_documents.events import emit_document_event
from ephemeral_server.block_documents.store import read_document
from ephemeral_server.block_schemas.store import read_schema
from ephemeral_server.block_types.store import read_type
from ephemeral_server.database.tables import block_document
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import ConflictError, ObjectNotFoundError
from ephemeral_server.ids import new_id
from ephemeral_server.wire import dump


def create_document(
    tx: Transaction,
    vault: Vault,
    *,
    block_type_id: str,
    block_schema_id: str,
    data: dict[str, Any],
    name: str | None,
    is_anonymous: bool,
) -> Document:
    """Make a document.

    Args:
        data: with references to other documents, see `references.split`.
        name: a new one if None.

    Raises:
        ConflictError: there is one of this name and type, or no such schema, or it refers to
            a document that is not there.
        ObjectNotFoundError: there is no such type.
        ChangeRefusedError, UnprocessableError: see `references`.
    """
    type = read_type(tx.connection, block_type_id)
    if type is None:
        raise ObjectNotFoundError(f"Block type {block_type_id} not found.")
    if read_schema(tx.connection, block_schema_id) is None:
        raise no_schema(block_schema_id)
    now = tx.now()
    own, referred = references.split(data)
    row = {
        "id": new_id(now),
        "created": now,
        "updated": now,
        "name": name or f"anonymous-{uuid4()}",
        "data": vault.seal(tx, dump(own)),
        "is_anonymous": is_anonymous,
        "block_type_id": block_type_id,
        "block_type_name": type["name"],
        "block_schema_id": block_schema_id,
    }
    insert = insert_or_ignore(tx.dialect, block_document, "block_type_id", "name")
    if not tx.connection.execute(insert, row).rowcount:
        raise ConflictError("Block already exists")
    references.write(tx, row["id"], referred, None)
    document = read_document(tx.connection, vault, row["id"])
    assert document is not None
    emit_document_event(tx, "created", document)
    return document


def no_schema(id: str) -> ConflictError:
    """What there is to say where a document cannot have the schema of this id."""
    return ConflictError(f"Block schema {id} not found.")
