"""What can be done with the work queues of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, select, update

from ephemeral_server.clock import SECOND
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ConflictError, ObjectNotFoundError
from ephemeral_server.events import objects
from ephemeral_server.work_pools.slots import SLOTS_OF_QUEUE
from ephemeral_server.work_pools.store import PoolRow, lock_pool, pool_id_of
from ephemeral_server.work_queues.creation import create_queue, prioritize
from ephemeral_server.work_queues.events import emit_queue_event
from ephemeral_server.work_queues.status import NOT_READY, PAUSED, READY, enter_status
from ephemeral_server.work_queues.wire import WORK_QUEUE

#: All columns of a queue, the name of its pool, and its slots that are taken.
QueueRow = Mapping[Any, Any]

_TOLD = ("name", "description", "concurrency_limit", "priority")

_C = work_queue.c


def select_queues(slots: ColumnElement[int | None]) -> Select[Any]:
    """Queues with all that their shape takes, as values in the order of its keys.

    Args:
        slots: what is shown as their slots that are taken.
    """
    pool = {"work_pool_name": work_pool.c.name.label("work_pool_name")}
    shown = {**dict(work_queue.c), **pool, "active_slots": slots}
    columns = [shown[key] for key in WORK_QUEUE.keys]
    return select(*columns).join(work_pool, work_pool.c.id == _C.work_pool_id)


QUEUES = select_queues(SLOTS_OF_QUEUE)
_BY_ID = QUEUES.where(_C.id == bindparam("id"))
_BY_NAMES = QUEUES.where(work_pool.c.name == bindparam("pool"), _C.name == bindparam("name"))
_IN_POOL = select(work_queue).where(_C.work_pool_id == bindparam("pool_id"))
_LOCK = _IN_POOL.where(_C.name == bindparam("name")).with_for_update(key_share=True)
_BY_PRIORITY = ascending(_C.priority, _C.id)


def create_queue_in_pool(tx: Transaction, /, pool_name: str, name: str, **given: Any) -> QueueRow:
    """Make a queue in the pool of this name, see `create_queue`.

    Raises:
        ObjectNotFoundError: there is no such pool.
        ConflictError: it has a queue of this name.
    """
    pool = lock_pool(tx, pool_name)
    try:
        id = create_queue(tx, pool["id"], name, **given)
    except ConflictError:
        raise _taken(pool_name) from None
    return tx.connection.execute(_BY_ID, {"id": id}).mappings().one()


def read_queue(connection: Connection, pool_name: str, name: str) -> QueueRow | None:
    """The queue of this name in the pool of this name."""
    names = {"pool": pool_name, "name": name}
    return connection.execute(_BY_NAMES, names).mappings().one_or_none()


def list_queues(
    connection: Connection, pool_name: str, where: Clause, limit: int, offset: int
) -> Sequence[Sequence[Any]]:
    """Some of the queues of a pool by priority, in the order of the keys of `WORK_QUEUE`.

    Raises:
        ObjectNotFoundError: there is no such pool.
    """
    pool_id = pool_id_of(connection, pool_name)
    query = QUEUES.where(_C.work_pool_id == pool_id, where).order_by(*_BY_PRIORITY)
    return fetch_all(connection, query.limit(limit).offset(offset))


def update_queue_in_pool(
    tx: Transaction,
    pool_name: str,
    name: str,
    changes: Mapping[str, Any],
    *,
    polled_within: float,
) -> None:
    """Change a queue of a pool, see `change_queue`; others move on if it takes their priority.

    Raises:
        ObjectNotFoundError: there is no such pool or queue.
        ConflictError: the pool has another queue of the new name.
    """
    pool = lock_pool(tx, pool_name)
    queue = _lock_queue(tx, pool, name)
    new_name = changes.get("name", name)
    if new_name != name and read_queue(tx.connection, pool_name, new_name) is not None:
        raise _taken(pool_name)
    change_queue(tx, queue, changes, polled_within=polled_within)
    if "priority" in changes:
        prioritize(tx, pool["id"], queue["id"], changes["priority"])


def change_queue(
    tx: Transaction, queue: QueueRow, changes: Mapping[str, Any], *, polled_within: float
) -> None:
    """Change a queue and tell of it; no other is moved if that takes its priority.

    Args:
        queue: its row, which nobody else changes until the commit.
        changes: new values by the names of the columns.
        polled_within: how many seconds ago a queue was polled at most that is ready.
    """
    new = {**changes, "updated": tx.now()}
    tx.connection.execute(update(work_queue).where(_C.id == queue["id"]).values(new))
    after = {**queue, **new}
    told = objects.changes(queue, after, _TOLD)
    if told is not None:
        emit_queue_event(tx, "updated", queue["id"], told)
    if changes.get("is_paused"):
        enter_status(tx, queue["id"], PAUSED)
    elif "is_paused" in changes and queue["status"] == PAUSED:
        polled = after["last_polled"]
        lately = polled is not None and tx.now() - polled <= polled_within * SECOND
        enter_status(tx, queue["id"], READY if lately else NOT_READY)


def delete_queue_in_pool(tx: Transaction, pool_name: str, name: str) -> None:
    """Delete a queue of a pool. Deployments and runs that were in it stay, in no queue.

    Raises:
        ObjectNotFoundError: there is no such pool or queue.
        ConflictError: it is the default queue.
    """
    pool = lock_pool(tx, pool_name)
    queue = _lock_queue(tx, pool, name)
    if queue["id"] == pool["default_queue_id"]:
        raise ConflictError("The default queue of a work pool cannot be deleted.")
    emit_queue_event(tx, "deleted", queue["id"])
    tx.connection.execute(delete(work_queue).where(_C.id == queue["id"]))


def _lock_queue(tx: Transaction, pool: PoolRow, name: str) -> QueueRow:
    row = tx.connection.execute(_LOCK, {"pool_id": pool["id"], "name": name}).mappings().first()
    if row is None:
        raise ObjectNotFoundError(f"Work pool queue '{pool['name']}/{name}' not found.")
    return row


def _taken(pool_name: str) -> ConflictError:
    return ConflictError(f"A work queue with this name already exists in work pool {pool_name!r}.")
