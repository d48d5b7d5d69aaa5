"""Deleting block schemas."""

from __future__ import annotations

from sqlalchemy import bindparam, delete

from ephemeral_server.block_documents.deletion import forget_deleted
from ephemeral_server.block_schemas.store import NOT_FOUND, read_schema
from ephemeral_server.database.tables import block_schema
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ObjectNotFoundError, ProtectedObjectError

_DELETE = delete(block_schema).where(block_schema.c.id == bindparam("schema_id"))


def delete_schema(tx: Transaction, id: str) -> None:
    """Delete a block schema with its documents.

    Raises:
        ObjectNotFoundError: there is no such schema.
        ProtectedObjectError: its type belongs to the server.
    """
    schema = read_schema(tx.connection, id)
    if schema is None:
        raise ObjectNotFoundError(NOT_FOUND)
    if schema["type.is_protected"]:
        raise ProtectedObjectError("Block schemas for protected block types cannot be deleted.")
    tx.connection.execute(_DELETE, {"schema_id": id})
    forget_deleted(tx)
