"""Events of work queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.events import objects

_AROUND = Prepared(
    select(
        work_queue.c.name,
        work_pool.c.id.label("pool.id"),
        work_pool.c.name.label("pool.name"),
        work_pool.c.type.label("pool.type"),
    )
    .join(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
    .where(work_queue.c.id == bindparam("id"))
)


def emit_queue_event(
    tx: Transaction, what: str, id: str, payload: dict[str, Any] | None = None
) -> None:
    """Tell of something that happens to a queue, as long as it is there.

    Args:
        what: such as ``created``.
    """
    row = _AROUND.mapping(tx.connection, {"id": id})
    if row is not None:
        pool = pool_resource(row["pool.id"], row["pool.name"], row["pool.type"])
        objects.emit(tx, f"prefect.work-queue.{what}", _resource(id, row), [pool], payload)


def pool_resource(id: str, name: str, type: str) -> dict[str, str]:
    """The labels of a pool as something related."""
    labels = {"prefect.work-pool.type": type}
    return objects.resource("work-pool", id, name, role="work-pool", **labels)


def _resource(id: str, row: Mapping[str, Any]) -> dict[str, str]:
    return objects.resource("work-queue", id, row["name"], role="work-queue")
