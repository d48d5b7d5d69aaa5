"""What can be done with the workers of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.sorting import descending
from ephemeral_server.database.tables import worker
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.ids import new_id
from ephemeral_server.work_pools.status import NOT_READY, ONLINE, READY, enter_status
from ephemeral_server.work_pools.store import lock_pool, no_pool, pool_id_of, read_pool
from ephemeral_server.workers.silence import STATUS
from ephemeral_server.workers.wire import WORKER

_C = worker.c
_BEAT = (
    update(worker)
    .where(_C.work_pool_id == bindparam("pool"), _C.name == bindparam("worker"))
    .values(
        status=ONLINE,
        last_heartbeat_time=bindparam("now"),
        heartbeat_interval_seconds=func.coalesce(
            bindparam("interval"), _C.heartbeat_interval_seconds
        ),
    )
)
_WORKERS = select(*[STATUS.label(key) if key == "status" else _C[key] for key in WORKER.keys])
_LAST_HEARD = descending(_C.last_heartbeat_time, _C.id)


def record_heartbeat(
    tx: Transaction, pool: Mapping[Any, Any], name: str, interval: int | None = None
) -> None:
    """A worker of a pool lives; it is new if the pool has none of this name.

    A pool that was not ready is so now.

    Args:
        pool: its row.
        name: of the worker.
        interval: seconds until its next heartbeat, as long as is known of it if None.

    Raises:
        ObjectNotFoundError: the pool was deleted meanwhile.
    """
    now = tx.now()
    beat = {"pool": pool["id"], "worker": name, "now": now, "interval": interval}
    if not tx.connection.execute(_BEAT, beat).rowcount:
        lock_pool(tx, pool["name"])  # it stays until there is a worker in it
        row = {
            "id": new_id(now),
            "created": now,
            "updated": now,
            "name": name,
            "status": ONLINE,
            "last_heartbeat_time": now,
            "heartbeat_interval_seconds": interval,
            "work_pool_id": pool["id"],
        }
        insert = insert_or_ignore(tx.dialect, worker, "work_pool_id", "name")
        if not tx.connection.execute(insert, row).rowcount:  # just made by somebody else
            tx.connection.execute(_BEAT, beat)
    if pool["status"] == NOT_READY:
        current = lock_pool(tx, pool["name"])  # it may have been paused meanwhile
        if current["status"] == NOT_READY:
            enter_status(tx, current, READY)


def hear_of_worker(tx: Transaction, pool_name: str, name: str, interval: int | None) -> None:
    """A worker of the pool of this name lives, see `record_heartbeat`.

    Raises:
        ObjectNotFoundError: there is no such pool.
    """
    pool = read_pool(tx.connection, pool_name)
    if pool is None:
        raise no_pool(pool_name)
    record_heartbeat(tx, pool, name, interval)


def list_workers(
    connection: Connection,
    pool_name: str,
    where: Clause,
    limit: int,
    offset: int,
    moment: Mapping[str, int],
) -> Sequence[Sequence[Any]]:
    """Some of the workers of a pool, those heard of last first, in the order of `WORKER`.

    Args:
        moment: for which it is told whether they are online, see `silence.moment`.

    Raises:
        ObjectNotFoundError: there is no such pool.
    """
    query = _WORKERS.where(_C.work_pool_id == pool_id_of(connection, pool_name), where)
    query = query.order_by(*_LAST_HEARD).limit(limit).offset(offset)
    return fetch_all(connection, query.params(**moment))


def delete_worker(tx: Transaction, pool_name: str, name: str) -> None:
    """Forget a worker of a pool.

    Raises:
        ObjectNotFoundError: there is no such pool or worker.
    """
    pool_id = pool_id_of(tx.connection, pool_name)
    which = (_C.work_pool_id == pool_id, _C.name == name)
    if not tx.connection.execute(delete(worker).where(*which)).rowcount:
        raise ObjectNotFoundError("Worker not found.")
