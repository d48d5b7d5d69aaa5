"""Changing and deleting block documents."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, update

from ephemeral_server.block_documents import references
from ephemeral_server.block_documents.creation import no_schema
from ephemeral_server.block_documents.deletion import forget_deleted
from ephemeral_server.block_documents.document import Document
from ephemeral_server.block_documents.events import emit_document_event
from ephemeral_server.block_documents.obfuscation import restored
from ephemeral_server.block_documents.store import lock_document, read_document
from ephemeral_server.block_schemas.store import read_schema
from ephemeral_server.database.tables import block_document
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import ChangeRefusedError, EncryptionKeyError
from ephemeral_server.wire import dump

Data = dict[str, Any]

_C = block_document.c


def update_document(
    tx: Transaction,
    vault: Vault,
    id: str,
    *,
    data: Data | None,
    block_schema_id: str | None,
    merge: bool,
) -> None:
    """Change a document.

    Args:
        data: new data. What is in it just as it is shown stays as it is stored: secrets, and
            references to other documents.
        block_schema_id: its new schema; that which it has if None.
        merge: whether the keys that are not in `data` stay.

    Raises:
        ObjectNotFoundError: there is no such document.
        ConflictError: there is no such schema, or it refers to a document that is not there.
        ChangeRefusedError: the schema is of another type; or see `references`.
        UnprocessableError: see `references`.
    """
    document = lock_document(tx, vault, id)
    new: dict[str, Any] = {"updated": tx.now()}
    if block_schema_id is not None and block_schema_id != document.row["block_schema_id"]:
        _check_schema(tx, document, block_schema_id)
        new["block_schema_id"] = block_schema_id
    present = {key: child.id for key, child in document.references.items()}
    own, referred = _data(document, data or {}, present)
    if merge:
        kept = {key: value for key, value in document.own_data(True).items() if key not in referred}
        referred = {**{key: id for key, id in present.items() if key not in own}, **referred}
        own = {**kept, **own}
    new["data"] = vault.seal(tx, dump(own))
    tx.connection.execute(update(block_document).where(_C.id == id).values(new))
    references.write(tx, id, referred, present)
    changed = read_document(tx.connection, vault, id)
    assert changed is not None
    emit_document_event(tx, "updated", changed)


def delete_document(tx: Transaction, vault: Vault, id: str) -> None:
    """Delete the document of this id. Those that refer to it stay, without it.

    Raises:
        ObjectNotFoundError: there is no such document.
    """
    try:
        document = lock_document(tx, vault, id, to_delete=True)
    except EncryptionKeyError:  # what nobody can read any more can still be deleted
        document = lock_document(tx, None, id, to_delete=True)
    tx.connection.execute(delete(block_document).where(_C.id == id))
    forget_deleted(tx)
    emit_document_event(tx, "deleted", document)


def _check_schema(tx: Transaction, document: Document, id: str) -> None:
    schema = read_schema(tx.connection, id)
    if schema is None:
        raise no_schema(id)
    if schema["block_type_id"] != document.row["block_type_id"]:
        raise ChangeRefusedError(
            "Must migrate block document to a block schema of the same block type."
        )


def _data(document: Document, data: Data, present: dict[str, str]) -> tuple[Data, dict[str, str]]:
    """New data of a document's own, and the ids of the documents that it is to refer to."""
    stored = document.own_data(include_secrets=True)
    shown = document.own_data(include_secrets=False)
    own, referred = references.split(restored(data, shown, stored))
    for key, child in document.references.items():
        if key in own and own[key] in (child.data(True), child.data(False)):
            del own[key]
            referred[key] = present[key]
    return own, referred
