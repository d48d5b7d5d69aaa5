"""What can be done with the workers of the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, func, update

from ephemeral_server.database.tables import worker
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.ids import new_id
from ephemeral_server.work_pools.status import NOT_READY, ONLINE, READY, enter_status
from ephemeral_server.work_pools.store import lock_pool

_C = worker.c
_BEAT = (
    update(worker)
    .where(_C.work_pool_id == bindparam("pool"), _C.name == bindparam("worker"))
    .values(
        updated=bindparam("now"),
        status=ONLINE,
        last_heartbeat_time=bindparam("now"),
        heartbeat_interval_seconds=func.coalesce(
            bindparam("interval"), _C.heartbeat_interval_seconds
        ),
    )
)


def record_heartbeat(
    tx: Transaction, pool: Mapping[Any, Any], name: str, interval: int | None = None
) -> None:
    """A worker of a pool lives; it is new if the pool has none of this name.

    A pool that was not ready is so now.

    Args:
        pool: its row.
        name: of the worker.
        interval: seconds until its next heartbeat, as long as is known of it if None.
    """
    now = tx.now()
    beat = {"pool": pool["id"], "worker": name, "now": now, "interval": interval}
    if not tx.connection.execute(_BEAT, beat).rowcount:
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
        current = lock_pool(tx, id=pool["id"])  # it may have been paused meanwhile
        if current is not None and current["status"] == NOT_READY:
            enter_status(tx, current, READY)
