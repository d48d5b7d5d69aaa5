"""The schedules of deployments as rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ephemeral_server.database.tables import deployment_schedule
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.schedule_schemas import (
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
)
from ephemeral_server.errors import ConflictError
from ephemeral_server.ids import new_ids
from ephemeral_server.schedules.schemas import stored
from ephemeral_server.wire import dump

#: The row of a schedule.
ScheduleRow = Mapping[Any, Any]
#: The columns that a user gives values for.
Definition = dict[str, Any]

_C = deployment_schedule.c
_ALL = select(deployment_schedule).where(_C.deployment_id == bindparam("deployment_id"))
_NO_SLUG = update(deployment_schedule).where(_C.id == bindparam("schedule_id")).values(slug=None)
_TAKEN = "Schedule slugs must be unique within a deployment."


def definition(body: DeploymentScheduleCreate | DeploymentScheduleUpdate, now: int) -> Definition:
    """A new schedule as a body describes it.

    Args:
        body: with a schedule.
    """
    assert body.schedule is not None
    return {
        "slug": body.slug,
        "active": body.active is not False,
        "schedule": stored(body.schedule, now),
        "parameters": dump(body.parameters),
        "max_scheduled_runs": body.max_scheduled_runs,
    }


def given_columns(body: DeploymentScheduleUpdate, now: int) -> Definition:
    """The columns that a body gives new values for; a null changes nothing."""
    found = {
        "slug": body.slug,
        "active": body.active,
        "schedule": None if body.schedule is None else stored(body.schedule, now),
        "parameters": dump(body.parameters) if "parameters" in body.model_fields_set else None,
        "max_scheduled_runs": body.max_scheduled_runs,
    }
    return {name: value for name, value in found.items() if value is not None}


def schedules_of(tx: Transaction, deployment_id: str) -> Sequence[ScheduleRow]:
    """The schedules of a deployment, in no particular order."""
    return tx.connection.execute(_ALL, {"deployment_id": deployment_id}).mappings().all()


def insert_schedules(
    tx: Transaction, deployment_id: str, definitions: Sequence[Definition]
) -> list[ScheduleRow]:
    """Make schedules; their rows in the same order.

    Raises:
        ConflictError: two schedules would have one slug.
    """
    now = tx.now()
    made = {"created": now, "updated": now, "deployment_id": deployment_id}
    ids = new_ids(len(definitions), now)
    rows = [{"id": id, **made, **each} for id, each in zip(ids, definitions, strict=True)]
    if rows:
        try:
            tx.connection.execute(insert(deployment_schedule), rows)
        except IntegrityError:
            raise ConflictError(_TAKEN) from None
    return list(rows)


def change_schedule(tx: Transaction, row: ScheduleRow, columns: Definition) -> bool:
    """Change columns of a schedule; whether any has another value now.

    Raises:
        ConflictError: another schedule has its new slug.
    """
    values = {**columns, "updated": tx.now()}
    try:
        tx.connection.execute(update(deployment_schedule).where(_C.id == row["id"]).values(values))
    except IntegrityError:
        raise ConflictError(_TAKEN) from None
    return differing(row, columns)


def differing(row: ScheduleRow, columns: Definition) -> bool:
    """Whether the row has other values."""
    return any(row[name] != value for name, value in columns.items())


def clear_slugs(tx: Transaction, ids: Iterable[str]) -> None:
    """Take the slugs of schedules away, so that others can have them."""
    rows = [{"schedule_id": id} for id in ids]
    if rows:
        tx.connection.execute(_NO_SLUG, rows)


def delete_schedules(tx: Transaction, ids: Collection[str]) -> None:
    """Delete schedules; what they have planned stays."""
    if ids:
        tx.connection.execute(delete(deployment_schedule).where(_C.id.in_(ids)))
