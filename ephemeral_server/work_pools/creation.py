"""Making work pools."""

from __future__ import annotations

from typing import Any

from ephemeral_server.database.tables import work_pool
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.errors import ConflictError
from ephemeral_server.ids import new_id
from ephemeral_server.wire import dump
from ephemeral_server.work_pools.events import emit_pool_event
from ephemeral_server.work_pools.status import NOT_READY, PAUSED, tell_first_status
from ephemeral_server.work_queues.creation import insert_queue
from ephemeral_server.work_queues.events import emit_queue_event

#: Names that begin so, in whatever case, are kept for pools of the system.
_RESERVED = "prefect"

NO_STORAGE = {
    "bundle_upload_step": None,
    "bundle_execution_step": None,
    "default_result_storage_block_id": None,
}


def is_reserved(name: str) -> bool:
    """Whether users may not have a pool of this name."""
    return name.lower().startswith(_RESERVED)


def create_pool(
    tx: Transaction,
    name: str,
    type: str,
    *,
    base_job_template: dict[str, Any] | None = None,
    description: str | None = None,
    is_paused: bool = False,
    concurrency_limit: int | None = None,
    storage_configuration: dict[str, Any] | None = None,
    tell_status: bool = True,
) -> dict[str, Any]:
    """Make a pool with its default queue; its row.

    Args:
        type: of the workers that serve it.
        tell_status: whether an event tells of its first status.

    Raises:
        ConflictError: there is one of this name.
    """
    now = tx.now()
    row: dict[str, Any] = {
        "id": new_id(now),
        "created": now,
        "updated": now,
        "name": name,
        "description": description,
        "type": type,
        "base_job_template": dump(base_job_template or {}),
        "storage_configuration": dump({**NO_STORAGE, **(storage_configuration or {})}),
        "is_paused": is_paused,
        "concurrency_limit": concurrency_limit,
        "status": PAUSED if is_paused else NOT_READY,
        "status_event_id": None,
        "status_since": None,
        "default_queue_id": new_id(now),
    }
    insert = insert_or_ignore(tx.dialect, work_pool, "name")
    if not tx.connection.execute(insert, row).rowcount:
        raise ConflictError("A work pool with this name already exists.")
    insert_queue(
        tx,
        row["id"],
        "default",
        id=row["default_queue_id"],
        description="The work pool's default queue.",
        priority=1,
    )
    emit_queue_event(tx, "created", row["default_queue_id"])
    emit_pool_event(tx, "created", row)
    if tell_status:
        tell_first_status(tx, row)
    return row
