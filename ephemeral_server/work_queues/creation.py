"""Making work queues."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select, update

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.errors import ConflictError
from ephemeral_server.ids import new_id
from ephemeral_server.work_queues.events import emit_queue_event
from ephemeral_server.work_queues.priorities import free_priority, moved
from ephemeral_server.work_queues.status import NOT_READY

_C = work_queue.c
_LOCK = (
    select(work_pool.c.id).where(work_pool.c.id == bindparam("id")).with_for_update(key_share=True)
)
_OTHERS = select(_C.id, _C.priority).where(_C.work_pool_id == bindparam("pool_id"))
_BY_NAME = Prepared(
    select(_C.id).where(_C.work_pool_id == bindparam("pool_id"), _C.name == bindparam("name"))
)
_MOVE = (
    update(work_queue)
    .where(_C.id == bindparam("queue_id"))
    .values(priority=bindparam("new_priority"), updated=bindparam("now"))
)


def create_queue(
    tx: Transaction,
    pool_id: str,
    name: str,
    *,
    description: str = "",
    is_paused: bool = False,
    concurrency_limit: int | None = None,
    priority: int | None = None,
    filter: str | None = None,
) -> str:
    """Make a queue in a pool; its id.

    Args:
        priority: the smallest that is free if None; the queues at and behind it move on.
        filter: JSON of the criteria that old clients give.

    Raises:
        ConflictError: the pool has one of this name.
    """
    others = _priorities(tx, pool_id)
    id = insert_queue(
        tx,
        pool_id,
        name,
        description=description,
        is_paused=is_paused,
        concurrency_limit=concurrency_limit,
        priority=priority or free_priority(others.values()),
        filter=filter,
    )
    if priority is not None:
        _move(tx, moved(others, id, priority))
    emit_queue_event(tx, "created", id)
    return id


def insert_queue(
    tx: Transaction,
    pool_id: str,
    name: str,
    *,
    priority: int,
    id: str | None = None,
    description: str = "",
    is_paused: bool = False,
    concurrency_limit: int | None = None,
    filter: str | None = None,
) -> str:
    """Insert the row of a queue and nothing else; its id.

    Args:
        id: of the queue; a new one if None.

    Raises:
        ConflictError: the pool has one of this name.
    """
    now = tx.now()
    row: dict[str, Any] = {
        "id": id or new_id(now),
        "created": now,
        "updated": now,
        "name": name,
        "description": description,
        "is_paused": is_paused,
        "concurrency_limit": concurrency_limit,
        "priority": priority,
        "status": NOT_READY,
        "last_polled": None,
        "filter": filter,
        "work_pool_id": pool_id,
    }
    insert = insert_or_ignore(tx.dialect, work_queue, "work_pool_id", "name")
    if not tx.connection.execute(insert, row).rowcount:
        raise ConflictError("A work queue with this name already exists.")
    made: str = row["id"]
    return made


def find_or_create_queue(
    tx: Transaction, pool_id: str, name: str, *, priority: int | None = None
) -> str:
    """The id of the pool's queue of this name, which is made if there is none."""
    row = _BY_NAME.first(tx.connection, {"pool_id": pool_id, "name": name})
    if row is not None:
        return str(row[0])
    _priorities(tx, pool_id)  # waits for who may be making it just now
    row = _BY_NAME.first(tx.connection, {"pool_id": pool_id, "name": name})
    return str(row[0]) if row is not None else create_queue(tx, pool_id, name, priority=priority)


def prioritize(tx: Transaction, pool_id: str, id: str, priority: int) -> None:
    """Give a queue of a pool another priority; the queues at and behind it move on."""
    _move(tx, moved(_priorities(tx, pool_id), id, priority))


def _priorities(tx: Transaction, pool_id: str) -> dict[str, int]:
    """By the ids of the pool's queues, which nobody else changes until the commit."""
    if tx.dialect == "postgresql":
        tx.connection.execute(_LOCK, {"id": pool_id})
    rows = tx.connection.execute(_OTHERS, {"pool_id": pool_id})
    return {row.id: row.priority for row in rows}


def _move(tx: Transaction, priorities: dict[str, int]) -> None:
    rows = [
        {"queue_id": id, "new_priority": priority, "now": tx.now()}
        for id, priority in sorted(priorities.items())  # as others do who change several queues
    ]
    tx.connection.execute(_MOVE, rows)
