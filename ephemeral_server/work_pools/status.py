"""Whether a work pool is paused, has workers, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, exists, select, update

from ephemeral_server.clock import SECOND
from ephemeral_server.database.tables import work_pool, worker
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.ids import new_id
from ephemeral_server.work_pools.events import emit_status_event

READY = "READY"
NOT_READY = "NOT_READY"
PAUSED = "PAUSED"

ONLINE = "ONLINE"
OFFLINE = "OFFLINE"

_EVENTS = {READY: "ready", NOT_READY: "not-ready", PAUSED: "paused"}
#: Statuses further apart than this are not linked by ``follows``.
_TIGHT = 600 * SECOND

_SET = (
    update(work_pool)
    .where(work_pool.c.id == bindparam("pool_id"))
    .values(
        status=bindparam("status"), status_event_id=bindparam("event"), status_since=bindparam("at")
    )
)
_STAFFED = select(
    exists().where(worker.c.work_pool_id == bindparam("pool_id"), worker.c.status == ONLINE)
)


def enter_status(
    tx: Transaction, pool: Mapping[Any, Any], status: str, *, remembered: bool = True
) -> None:
    """Give a pool this status, whichever it has, and tell of it.

    Args:
        pool: its row as it was before.
        remembered: whether the event of the next status follows the one of this.
    """
    now = tx.now()
    event = new_id(now)
    close = pool["status_since"] is not None and now - pool["status_since"] < _TIGHT
    kept = (event, now) if remembered else (None, None)
    values = {"pool_id": pool["id"], "status": status, "event": kept[0], "at": kept[1]}
    tx.connection.execute(_SET, values)
    follows = pool["status_event_id"] if close else None
    emit_status_event(tx, _EVENTS[status], pool, id=event, follows=follows)


def status_unpaused(tx: Transaction, pool_id: str) -> str:
    """The status of a pool that is not paused: ready if a worker is online."""
    staffed = tx.connection.scalar(_STAFFED, {"pool_id": pool_id})
    return READY if staffed else NOT_READY
