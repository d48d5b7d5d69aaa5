"""Choosing the block that keeps results by default."""

from __future__ import annotations

from ephemeral_server.admin.storage import CHANGED, KEY
from ephemeral_server.block_documents.store import lock_document
from ephemeral_server.database.tables import configuration
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_replace
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import ObjectNotFoundError, UnprocessableError
from ephemeral_server.ids import new_id
from ephemeral_server.wire import dump

#: What a block can do that keeps results.
_NEEDED = "write-path"


def choose(tx: Transaction, vault: Vault, id: str) -> str:
    """Let results go to the block document of this id.

    Returns:
        the choice as the JSON object of the wire.

    Raises:
        ObjectNotFoundError: there is no such document.
        UnprocessableError: its block cannot keep results.
    """
    try:
        document = lock_document(tx, vault, id)  # who deletes it afterwards finds the choice
    except ObjectNotFoundError:
        raise ObjectNotFoundError(f"Block document {id} not found.") from None
    if _NEEDED not in document.capabilities:
        raise UnprocessableError(f"Block document {id} cannot be used for result storage.")
    now, answer = tx.now(), dump({"default_result_storage_block_id": id})
    row = {"id": new_id(now), "created": now, "updated": now, "key": KEY, "value": answer}
    tx.connection.execute(insert_or_replace(tx.dialect, configuration, "key"), row)
    tx.notify(CHANGED, "")
    return answer
