"""The runs that schedules have planned for a deployment, and that more are to be planned."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, bindparam, update

from ephemeral_server.database.likely import IS_SCHEDULED
from ephemeral_server.database.tables import deployment, flow_run
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.flow_runs.store import delete_flow_runs_where

#: The topic of `Transaction.notify`; its subject is a deployment's id.
TO_BE_PLANNED = "deployments to be planned"

_C = flow_run.c
_MARK = (
    update(deployment)
    .where(deployment.c.id == bindparam("deployment_id"))
    .values(to_be_planned=True)
)


def ask_for_plan(tx: Transaction, deployment_id: str) -> None:
    """Let the scheduler look at this deployment soon."""
    tx.connection.execute(_MARK, {"deployment_id": deployment_id})
    tx.notify(TO_BE_PLANNED, deployment_id)


def delete_planned_runs(
    tx: Transaction,
    *deployment_ids: str,
    schedule_ids: Collection[str] | None = None,
    future_only: bool = False,
    planned_only: bool = True,
) -> int:
    """Delete the scheduled runs of deployments that have never begun; how many there were.

    Args:
        schedule_ids: only those that these schedules have planned.
        future_only: only those whose time is still to come.
        planned_only: only those that some schedule has planned, not those that users asked for.
    """
    which = [
        _C.deployment_id.in_(deployment_ids),
        IS_SCHEDULED,
        _C.run_count == 0,
    ]
    if planned_only:
        # One that has waited for a slot has been begun in a way.
        which += [_C.auto_scheduled, _C.state_name != "AwaitingConcurrencySlot"]
    if schedule_ids is not None:
        which.append(_C.schedule_id.in_(schedule_ids))
    if future_only:
        which.append(_C.next_scheduled_start_time > tx.now())
    return delete_flow_runs_where(tx, and_(*which))
