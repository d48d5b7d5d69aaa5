"""Events of block documents."""

from __future__ import annotations

from ephemeral_server.block_documents.document import Document
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.events import objects


def emit_document_event(tx: Transaction, what: str, document: Document) -> None:
    """Tell of something that happens to a document, unless it is an anonymous one.

    Of its data the texts are told that are no secrets.

    Args:
        what: such as ``created``.
    """
    if document.is_anonymous:
        return
    row = document.row
    type_id, type_name = row["block_type_id"], row["block_type.name"]
    own = document.own_data(include_secrets=False)
    told = {
        key: value
        for key, value in own.items()
        if isinstance(value, str) and key not in document.secret_fields
    }
    objects.emit(
        tx,
        f"prefect.block-document.{what}",
        objects.resource("block-document", document.id, document.name),
        [
            objects.resource("block-type", type_id, type_name, role="block-type"),
            objects.resource("block-schema", row["block_schema_id"], role="block-schema"),
        ],
        {
            "name": document.name,
            "data": told,
            "block_schema": {
                "capabilities": document.capabilities,
                "block_type": {"id": type_id, "name": type_name},
            },
        },
    )
