"""Changing deployments."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import bindparam, select, update

from ephemeral_server.database.tables import deployment
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.blocks import check_blocks
from ephemeral_server.deployments.columns import given_columns
from ephemeral_server.deployments.events import emit_deployment_event
from ephemeral_server.deployments.own_limit import check_limit, limit_columns
from ephemeral_server.deployments.placement import named_pool, queue_columns
from ephemeral_server.deployments.planned import ask_for_plan, delete_planned_runs
from ephemeral_server.deployments.schedule_changes import update_schedules
from ephemeral_server.deployments.schemas import DeploymentUpdate
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.events.objects import changes
from ephemeral_server.wire import dump

NOT_FOUND = "Deployment not found."

_C = deployment.c
# Without keeping others from what only refers to the deployment.
_LOCKED = select(deployment).with_for_update(key_share=True)
_PAUSE = (
    update(deployment)
    .where(_C.id == bindparam("deployment_id"))
    .values(paused=bindparam("pausing"), updated=bindparam("now"))
)

#: Changes of these are told in events.
_TOLD = (
    "description",
    "enforce_parameter_schema",
    "entrypoint",
    "path",
    "work_queue_id",
    "paused",
    "version",
    "concurrency_limit_id",
)
_TOLD_JSON = (
    "tags",
    "parameters",
    "parameter_openapi_schema",
    "pull_steps",
    "infra_overrides",
    "labels",
    "concurrency_options",
)
#: What planned runs take from their deployment, and whether there may be any.
_PLANNED_FROM = (
    "parameters",
    "tags",
    "labels",
    "version",
    "work_queue_id",
    "work_queue_name",
    "infrastructure_document_id",
    "paused",
)


def lock_deployment(tx: Transaction, **which: str) -> Mapping[Any, Any] | None:
    """The row of a deployment, which nobody else changes until the commit.

    Args:
        **which: values of the columns that tell which one.
    """
    return tx.connection.execute(_LOCKED.filter_by(**which)).mappings().one_or_none()


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a change was checked against, outside of the transaction that makes it.

    Attributes:
        stored: values of `COLUMNS` as they were then.
        parameters: the new ones, in which nothing stands for another value; None: the old ones.
    """

    COLUMNS: ClassVar = ("parameters", "parameter_openapi_schema", "enforce_parameter_schema")

    stored: tuple[Any, ...]
    parameters: dict[str, Any] | None


def update_deployment(tx: Transaction, id: str, body: DeploymentUpdate, fitted: Fitted) -> bool:
    """Change what a body says of a deployment.

    Returns:
        False if the deployment is no longer what the change was checked against; then nothing
        is changed.

    Raises:
        ObjectNotFoundError: there is no such deployment, pool or limit.
        UnprocessableError: see `update_schedules`.
        ConflictError: two schedules would have one slug, or a block is not there.
    """
    before = lock_deployment(tx, id=id)
    if before is None:
        raise ObjectNotFoundError(NOT_FOUND)
    if tuple(before[column] for column in Fitted.COLUMNS) != fitted.stored:
        return False
    given = body.schedules if "schedules" in body.model_fields_set else None
    stale = update_schedules(tx, id, given)
    pool = named_pool(tx, body)
    check_limit(tx, body)
    check_blocks(tx, body)
    columns = {
        **given_columns(body),
        **({} if fitted.parameters is None else {"parameters": dump(fitted.parameters)}),
        **queue_columns(tx, body, pool),
        **limit_columns(tx, id, body),
    }
    change(tx, before, columns, stale)
    return True


def change(
    tx: Transaction,
    before: Mapping[Any, Any],
    columns: Mapping[str, Any],
    stale: Collection[str],
) -> None:
    """Change columns of a deployment, with all that follows from that.

    Args:
        before: its row, locked.
        stale: the ids of schedules whose planned runs no longer hold.
    """
    id = before["id"]
    values = {**columns, "updated": tx.now()}
    tx.connection.execute(update(deployment).where(_C.id == id).values(values))
    after = {**before, **columns}
    if any(before[column] != after[column] for column in _PLANNED_FROM):
        delete_planned_runs(tx, id, future_only=True)
    elif stale:
        delete_planned_runs(tx, id, schedule_ids=stale, future_only=True)
    ask_for_plan(tx, id)
    told = changes(_as_told(before), _as_told(after), _TOLD, json_fields=_TOLD_JSON)
    if told is not None:
        emit_deployment_event(tx, "updated", id, told)


def _as_told(row: Mapping[Any, Any]) -> dict[str, Any]:
    # Who reads events knows job variables by the name that they had.
    return {**row, "infra_overrides": row["job_variables"]}


def pause_deployment(tx: Transaction, id: str) -> bool:
    """Plan no more runs and delete those that are planned; whether there is such a deployment."""
    found = _set_paused(tx, id, paused=True)
    if found:
        delete_planned_runs(tx, id)
    return found


def resume_deployment(tx: Transaction, id: str) -> bool:
    """Plan runs again; whether there is such a deployment."""
    found = _set_paused(tx, id, paused=False)
    if found:
        ask_for_plan(tx, id)
    return found


def _set_paused(tx: Transaction, id: str, *, paused: bool) -> bool:
    values = {"deployment_id": id, "pausing": paused, "now": tx.now()}
    return tx.connection.execute(_PAUSE, values).rowcount == 1
