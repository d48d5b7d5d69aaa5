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
        updated=bindparam("now"),
        status=bindparam("status"),
        status_event_id=bindparam("event"),
        status_since=bindparam("now"),
    )
)
_STAFFED = select(
    exists().where(worker.c.work_pool_id == bindparam("pool_id"), worker.c.status == ONLINE)
)


def enter_status(tx: Transaction, pool: Mapping[Any, Any], status: str) -> None:
    """Give a pool this status, whichever it has, and tell of it.

    Args:
        pool: its row as it was before.
    """
    now = tx.now()
    event = new_id(now)
    close = pool["status_since"] is not None and now - pool["status_since"] < _TIGHT
    values = {"pool_id": pool["id"], "status": status, "event": event, "now": now}
    tx.connection.execute(_SET, values)
    follows = pool["status_event_id"] if close else None
    emit_status_event(tx, _EVENTS[status], pool, id=event, follows=follows)


def tell_first_status(tx: Transaction, pool: Mapping[Any, Any]) -> None:
    """Tell of the status of a new pool; the event of the next one does not follow this."""
    event = new_id(tx.now())
    emit_status_event(tx, _EVENTS[pool["status"]], pool, id=event, follows=None)


def status_unpaused(tx: Transaction, pool_id: str) -> str:
    """The status of a pool that is not paused: ready if a worker is online."""
    staffed = tx.connection.scalar(_STAFFED, {"pool_id": pool_id})
    return READY if staffed else NOT_READY
