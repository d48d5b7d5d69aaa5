"""What can be done with the work pools of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.events import objects
from ephemeral_server.wire import dump
from ephemeral_server.work_pools.creation import create_pool
from ephemeral_server.work_pools.events import emit_pool_event
from ephemeral_server.work_pools.slots import SLOTS_OF_POOL
from ephemeral_server.work_pools.status import PAUSED, enter_status, status_unpaused
from ephemeral_server.work_pools.wire import AGENT_TYPE, WORK_POOL
from ephemeral_server.work_queues.events import emit_queue_event

#: All columns of a pool, and its slots that are taken.
PoolRow = Mapping[Any, Any]

#: The topic of `Transaction.notify` on what workers of a pool heed; its subject is a pool's id.
CHANGED = "work pools"
_HEEDED = {"base_job_template", "concurrency_limit", "is_paused", "storage_configuration"}

_C = work_pool.c
_POOLS = select(*_C, SLOTS_OF_POOL)
_BY_NAME = _POOLS.where(_C.name == bindparam("name"))
_ROW = select(work_pool).where(_C.name == bindparam("name"))
_ID = select(_C.id).where(_C.name == bindparam("name"))
_LISTED = select(*[_POOLS.selected_columns[key] for key in WORK_POOL.keys])
_BY_NAME_ORDER = ascending(_C.name, _C.id)
_QUEUES = (
    select(work_queue.c.id)
    .where(work_queue.c.work_pool_id == bindparam("pool_id"))
    .order_by(work_queue.c.priority, work_queue.c.id)
)


def make_pool(tx: Transaction, /, name: str, type: str, **given: Any) -> PoolRow:
    """Make a pool with its default queue, see `create_pool`.

    Raises:
        ConflictError: there is one of this name.
    """
    row = create_pool(tx, name, type, **given)
    return {**row, "active_slots": None if row["concurrency_limit"] is None else 0}


def read_pool(connection: Connection, name: str) -> PoolRow | None:
    """The pool of this name, with all that its shape on the wire takes."""
    return connection.execute(_BY_NAME, {"name": name}).mappings().one_or_none()


def list_pools(
    connection: Connection, where: Clause, limit: int, offset: int
) -> Sequence[Sequence[Any]]:
    """Some of the pools by name, as values in the order of the keys of `WORK_POOL`."""
    query = _LISTED.where(where).order_by(*_BY_NAME_ORDER).limit(limit).offset(offset)
    return fetch_all(connection, query)


def count_pools(connection: Connection, where: Clause) -> int:
    """How many pools there are."""
    return connection.execute(select(func.count()).select_from(work_pool).where(where)).scalar_one()


def no_pool(name: str) -> ObjectNotFoundError:
    """What there is to say where no pool has this name."""
    return ObjectNotFoundError(f'Work pool "{name}" not found.')


def pool_id_of(connection: Connection, name: str) -> str:
    """The id of the pool of this name.

    Raises:
        ObjectNotFoundError: there is no such pool.
    """
    id: str | None = connection.scalar(_ID, {"name": name})
    if id is None:
        raise no_pool(name)
    return id


def lock_pool(tx: Transaction, name: str, *, to_delete: bool = False) -> PoolRow:
    """The row of the pool of this name, which nobody else changes until the commit.

    Args:
        to_delete: nobody else may refer to it either, as a worker or a queue of it does.

    Raises:
        ObjectNotFoundError: there is no such pool.
    """
    query = _ROW.with_for_update(key_share=not to_delete)
    row = tx.connection.execute(query, {"name": name}).mappings().one_or_none()
    if row is None:
        raise no_pool(name)
    return row


def update_pool(tx: Transaction, name: str, changes: Mapping[str, Any]) -> None:
    """Change the pool of this name.

    Args:
        changes: new values by the names of the columns.

    Raises:
        ObjectNotFoundError: there is no such pool.
    """
    pool = lock_pool(tx, name)
    new = {key: dump(value) if isinstance(value, dict) else value for key, value in changes.items()}
    new["updated"] = tx.now()
    tx.connection.execute(update(work_pool).where(_C.id == pool["id"]).values(new))
    after = {**pool, **new}
    # That of a pool which agents serve is not told.
    if "is_paused" in changes and pool["type"] != AGENT_TYPE:
        status = PAUSED if changes["is_paused"] else status_unpaused(tx, pool["id"])
        enter_status(tx, after, status)
    told = objects.changes(
        pool,
        after,
        ("description", "concurrency_limit"),
        json_fields=("base_job_template", "storage_configuration"),
    )
    if told is not None:
        emit_pool_event(tx, "updated", after, told)
    if not _HEEDED.isdisjoint(changes):
        tx.notify(CHANGED, pool["id"])


def delete_pool(tx: Transaction, name: str) -> None:
    """Delete the pool of this name with its queues and workers.

    Deployments and runs that were in it stay, in no queue.

    Raises:
        ObjectNotFoundError: there is no such pool.
    """
    pool = lock_pool(tx, name, to_delete=True)
    for id in tx.connection.scalars(_QUEUES, {"pool_id": pool["id"]}).all():
        emit_queue_event(tx, "deleted", id)
    emit_pool_event(tx, "deleted", pool)
    tx.connection.execute(delete(work_pool).where(_C.id == pool["id"]))
    tx.notify(CHANGED, pool["id"])
