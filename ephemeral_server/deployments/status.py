"""Whether somebody is there to run what a deployment schedules."""

from __future__ import annotations

from sqlalchemy import bindparam, update

from ephemeral_server.database.tables import deployment
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.events import emit_deployment_event

READY = "READY"
NOT_READY = "NOT_READY"

_EVENTS = {READY: "ready", NOT_READY: "not-ready"}
# (`updated` stays: nothing that a user has said is changed.)
_SET = (
    update(deployment)
    .where(
        deployment.c.id == bindparam("deployment_id"), deployment.c.status != bindparam("status")
    )
    .values(status=bindparam("status"))
)


def enter_status(tx: Transaction, id: str, status: str) -> bool:
    """Give a deployment this status and tell of it; whether it had another."""
    values = {"deployment_id": id, "status": status}
    entered = tx.connection.execute(_SET, values).rowcount == 1
    if entered:
        emit_deployment_event(tx, _EVENTS[status], id)
    return entered
