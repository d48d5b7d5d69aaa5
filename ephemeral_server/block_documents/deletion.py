"""What has to go along with documents, whether they alone were deleted or their type or schema."""

from __future__ import annotations

import json

from sqlalchemy import select

from ephemeral_server.admin.storage import KEY as RESULT_STORAGE
from ephemeral_server.admin.storage import clear
from ephemeral_server.database.tables import block_document, configuration
from ephemeral_server.database.transaction import Transaction

_STORAGE = select(configuration.c.value).where(configuration.c.key == RESULT_STORAGE)


def forget_deleted(tx: Transaction) -> None:
    """Choose no default result storage any more, if that is a document which was deleted.

    To be called after the deletion: it has waited for who was choosing one of the documents.
    """
    chosen = tx.connection.scalar(_STORAGE)
    if chosen is None:
        return
    id = json.loads(chosen).get("default_result_storage_block_id")
    there = select(block_document.c.id).where(block_document.c.id == id)
    if tx.connection.scalar(there) is None:
        clear(tx)
