"""What has to go along with documents, whether they alone are deleted or their type or schema."""

from __future__ import annotations

import json

from sqlalchemy import select

from ephemeral_server.admin.storage import KEY as RESULT_STORAGE
from ephemeral_server.admin.storage import clear
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.tables import block_document, configuration
from ephemeral_server.database.transaction import Transaction

_C = block_document.c
_STORAGE = select(configuration.c.value).where(configuration.c.key == RESULT_STORAGE)


def forget(tx: Transaction, where: Clause) -> None:
    """Choose no default result storage any more, if that is a document about to be deleted.

    Args:
        where: which documents will be deleted, with their type or their schema for instance.
    """
    chosen = tx.connection.scalar(_STORAGE)
    if chosen is None:
        return
    id = json.loads(chosen).get("default_result_storage_block_id")
    if tx.connection.scalar(select(_C.id).where(_C.id == id, where)) is not None:
        clear(tx)
