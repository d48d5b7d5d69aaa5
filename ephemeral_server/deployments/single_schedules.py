"""Adding, changing and deleting single schedules of a deployment.

None of it counts as a change of the deployment itself: it stays as ``updated`` as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.changes import NOT_FOUND, lock_deployment
from ephemeral_server.deployments.planned import ask_for_plan, delete_planned_runs
from ephemeral_server.deployments.schedule_schemas import (
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
)
from ephemeral_server.deployments.schedule_store import (
    ScheduleRow,
    change_schedule,
    definition,
    delete_schedules,
    given_columns,
    insert_schedules,
    schedules_of,
)
from ephemeral_server.errors import ObjectNotFoundError


def create_schedules(
    tx: Transaction, deployment_id: str, given: Sequence[DeploymentScheduleCreate]
) -> Sequence[ScheduleRow]:
    """Add schedules to a deployment; their rows in the order given.

    Raises:
        ObjectNotFoundError: there is no such deployment.
        ConflictError: two schedules would have one slug.
    """
    _lock(tx, deployment_id)
    now = tx.now()
    rows = insert_schedules(tx, deployment_id, [definition(each, now) for each in given])
    ask_for_plan(tx, deployment_id)
    return rows


def update_schedule(
    tx: Transaction, deployment_id: str, id: str, body: DeploymentScheduleUpdate
) -> None:
    """Change a schedule; if it is another by that, the runs it has planned ahead go.

    Raises:
        ObjectNotFoundError: there is no such deployment or schedule.
        ConflictError: another schedule has its new slug.
    """
    row = _find(tx, deployment_id, id)
    if change_schedule(tx, row, given_columns(body, tx.now())):
        delete_planned_runs(tx, deployment_id, schedule_ids=[id], future_only=True)
        ask_for_plan(tx, deployment_id)


def delete_schedule(tx: Transaction, deployment_id: str, id: str) -> None:
    """Delete a schedule and the runs it has planned, those that are late among them.

    Raises:
        ObjectNotFoundError: there is no such deployment or schedule.
    """
    _find(tx, deployment_id, id)
    delete_schedules(tx, [id])
    delete_planned_runs(tx, deployment_id, schedule_ids=[id])
    ask_for_plan(tx, deployment_id)


def _lock(tx: Transaction, deployment_id: str) -> None:
    if lock_deployment(tx, id=deployment_id) is None:
        raise ObjectNotFoundError(NOT_FOUND)


def _find(tx: Transaction, deployment_id: str, id: str) -> ScheduleRow:
    """The row of a schedule; nobody else changes the deployment's schedules until the commit."""
    _lock(tx, deployment_id)
    for row in schedules_of(tx, deployment_id):
        if row["id"] == id:
            return row
    raise ObjectNotFoundError("Schedule not found.")
