"""Whether a work queue is paused, is asked for runs, or neither."""

from __future__ import annotations

from sqlalchemy import bindparam, update

from ephemeral_server.database.tables import work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.work_queues.events import emit_queue_event

READY = "READY"
NOT_READY = "NOT_READY"
PAUSED = "PAUSED"

_EVENTS = {READY: "ready", NOT_READY: "not-ready", PAUSED: "paused"}
_SET = (
    update(work_queue)
    .where(work_queue.c.id == bindparam("queue_id"), work_queue.c.status != bindparam("status"))
    .values(status=bindparam("status"))
)


def enter_status(tx: Transaction, id: str, status: str) -> bool:
    """Give a queue this status and tell of it; whether it had another."""
    entered = tx.connection.execute(_SET, {"queue_id": id, "status": status}).rowcount == 1
    if entered:
        emit_queue_event(tx, _EVENTS[status], id)
    return entered
