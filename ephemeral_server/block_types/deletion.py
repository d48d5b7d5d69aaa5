"""Deleting block types, and what else has to go when one does."""

from __future__ import annotations

from sqlalchemy import delete

from ephemeral_server.block_documents.deletion import forget_deleted
from ephemeral_server.block_types.events import emit_type_event
from ephemeral_server.block_types.store import lock_type
from ephemeral_server.database.tables import block_type
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ProtectedObjectError


def delete_type(tx: Transaction, id: str) -> None:
    """Delete a block type with its schemas and documents.

    Raises:
        ObjectNotFoundError: there is no such block type.
        ProtectedObjectError: it is one that the server itself needs.
    """
    row = lock_type(tx, id)
    if row["is_protected"]:
        raise ProtectedObjectError("protected block types cannot be deleted.")
    tx.connection.execute(delete(block_type).where(block_type.c.id == id))
    forget_deleted(tx)
    emit_type_event(tx, "deleted", row)
