"""Work queues for clients that know no pools: by their ids, or in the pool for such clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, select, update

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ConflictError, ObjectNotFoundError
from ephemeral_server.work_pools.slots import BUSY, slots_of_queue
from ephemeral_server.work_queues.creation import create_queue
from ephemeral_server.work_queues.default_agent import default_pool, find_default_pool
from ephemeral_server.work_queues.events import emit_queue_event
from ephemeral_server.work_queues.store import QueueRow, change_queue, select_queues

_C = work_queue.c
# Here a run keeps its slot until it has ended.
_QUEUES = select_queues(slots_of_queue(BUSY))
_BY_ID = _QUEUES.where(_C.id == bindparam("id"))
_BY_NAME = _QUEUES.where(_C.name == bindparam("name")).order_by(_C.id).limit(1)
_BY_NAMES = ascending(_C.name, _C.id)
_LOCK = select(work_queue).where(_C.id == bindparam("id")).with_for_update(key_share=True)
_IS_TAKEN = select(
    exists().where(
        _C.work_pool_id == bindparam("pool_id"),
        _C.name == bindparam("name"),
        _C.id != bindparam("id"),
    )
)
_IS_DEFAULT = select(exists().where(work_pool.c.default_queue_id == bindparam("id")))


def make_queue(tx: Transaction, /, name: str, **given: Any) -> QueueRow:
    """Make a queue in the pool for it, see `create_queue`; the pool is made with it if need be.

    Raises:
        ConflictError: the pool had a queue of this name.
    """
    pool = default_pool(tx)
    if pool.new_queue_id is not None and name == "default":
        id = pool.new_queue_id  # just made, with the pool; here is what it is to be like
        said = {column: value for column, value in given.items() if value is not None}
        tx.connection.execute(update(work_queue).where(_C.id == id).values(name=name, **said))
    else:
        id = create_queue(tx, pool.id, name, **given)
    return tx.connection.execute(_BY_ID, {"id": id}).mappings().one()


def read_queue(connection: Connection, id: str) -> QueueRow:
    """The queue of this id.

    Raises:
        ObjectNotFoundError: there is none.
    """
    return _found(connection.execute(_BY_ID, {"id": id}).mappings().one_or_none())


def read_queue_by_name(connection: Connection, name: str) -> QueueRow:
    """The queue of this name in the pool for it; in any pool as long as that is not there.

    Raises:
        ObjectNotFoundError: there is none.
    """
    query, pool_id = _BY_NAME, find_default_pool(connection)
    if pool_id is not None:
        query = query.where(_C.work_pool_id == pool_id)
    return _found(connection.execute(query, {"name": name}).mappings().one_or_none())


def list_queues(
    connection: Connection, where: Clause, limit: int, offset: int
) -> Sequence[Sequence[Any]]:
    """Some of the queues of all pools by name, in the order of the keys of `WORK_QUEUE`."""
    query = _QUEUES.where(where).order_by(*_BY_NAMES)
    return fetch_all(connection, query.limit(limit).offset(offset))


def update_queue(
    tx: Transaction, id: str, changes: Mapping[str, Any], *, polled_within: float
) -> None:
    """Change a queue; no other moves on if that takes its priority.

    Args:
        changes: new values by the names of the columns.
        polled_within: see `change_queue`.

    Raises:
        ObjectNotFoundError: there is no such queue.
        ConflictError: its pool has another queue of the new name.
    """
    queue = tx.connection.execute(_LOCK, {"id": id}).mappings().one_or_none()
    if queue is None:
        raise ObjectNotFoundError(f"Work Queue {id} not found")
    if "name" in changes:
        names = {"pool_id": queue["work_pool_id"], "name": changes["name"], "id": id}
        if tx.connection.scalar(_IS_TAKEN, names):
            raise ConflictError("A work queue with this name already exists.")
    change_queue(tx, queue, changes, polled_within=polled_within)


def delete_queue(tx: Transaction, id: str) -> None:
    """Delete a queue. Deployments and runs that were in it stay, in no queue.

    Raises:
        ObjectNotFoundError: there is no such queue.
        ConflictError: it is the default queue of its pool.
    """
    _found(tx.connection.execute(_LOCK, {"id": id}).mappings().one_or_none())
    if tx.connection.scalar(_IS_DEFAULT, {"id": id}):
        raise ConflictError("The default queue of a work pool cannot be deleted.")
    emit_queue_event(tx, "deleted", id)
    tx.connection.execute(delete(work_queue).where(_C.id == id))


def _found(row: QueueRow | None) -> QueueRow:
    if row is None:
        raise ObjectNotFoundError("work queue not found")
    return row
