"""Plans runs of deployments by their schedules.

The dates are found first, from what a snapshot has of the schedules (`upcoming`). Within the
transaction that plans, a deployment is locked and read again: if one of its schedules is another
by now, it is left alone, since whoever has changed it asks for a plan as well. So nothing is
planned by what no longer holds, and no transaction takes longer than its rows do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import (
    deployment,
    deployment_schedule,
)
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.upcoming import Calendar
from ephemeral_server.deployments.wanted import Wanted, insert_wanted

_D = deployment.c
_S = deployment_schedule.c

_DEPLOYMENTS: Select[Any] = select(
    _D.id,
    _D.flow_id,
    _D.paused,
    _D.version,
    _D.tags,
    _D.labels,
    _D.parameters,
    _D.infrastructure_document_id,
    _D.work_queue_id,
    _D.work_queue_name,
    _D.to_be_planned,
).order_by(_D.id)
_SCHEDULES: Select[Any] = (
    select(_S.id, _S.deployment_id, _S.slug, _S.schedule, _S.parameters, _S.max_scheduled_runs)
    .where(_S.active)
    .order_by(_S.id)
)


@dataclass(frozen=True, slots=True)
class Plans:
    """What was planned.

    Attributes:
        deployments: of how many the schedules were gone through.
        runs: how many are new.
    """

    deployments: int = 0
    runs: int = 0

    def __add__(self, other: Plans) -> Plans:
        return Plans(self.deployments + other.deployments, self.runs + other.runs)


def read_schedules(connection: Connection, deployment_ids: Sequence[str]) -> Sequence[Row[Any]]:
    """The active schedules of deployments."""
    which = is_in(_S.deployment_id, list(deployment_ids), connection.dialect.name)
    return connection.execute(_SCHEDULES.where(which)).all()


def plan(tx: Transaction, deployment_ids: Sequence[str], calendar: Calendar) -> Plans:
    """Plan what deployments lack, and take it off them that they are to be planned.

    Those that somebody else works on just now, or whose schedules are others by now, are left
    as they are; those that are paused get no runs.

    Args:
        calendar: the dates of their active schedules, as `read_schedules` found them.
    """
    query = _DEPLOYMENTS.where(is_in(_D.id, list(deployment_ids), tx.dialect))
    rows = tx.connection.execute(query.with_for_update(skip_locked=True, key_share=True)).all()
    schedules = _by_deployment(read_schedules(tx.connection, [row.id for row in rows]))
    rows = [row for row in rows if row.paused or _knows(calendar, schedules[row.id])]
    wanted = [
        Wanted(row, schedule, calendar[schedule.schedule], schedule.max_scheduled_runs)
        for row in rows
        if not row.paused
        for schedule in schedules[row.id]
    ]
    _unmark(tx, [row.id for row in rows if row.to_be_planned])
    return Plans(len(rows), insert_wanted(tx, wanted))


def plan_on_demand(tx: Transaction, deployment_id: str, calendar: Calendar) -> Plans | None:
    """Plan what somebody asks for, also if the deployment is paused.

    How many runs a schedule may plan ahead by itself does not matter here.

    Args:
        calendar: see `plan`.

    Returns:
        what was planned; None if the schedules are others by now: nothing, so far.
    """
    query = _DEPLOYMENTS.where(_D.id == deployment_id)
    row = tx.connection.execute(query.with_for_update(key_share=True)).first()
    if row is None:
        return Plans()
    schedules = read_schedules(tx.connection, [deployment_id])
    if not _knows(calendar, schedules):
        return None
    wanted = [Wanted(row, schedule, calendar[schedule.schedule], None) for schedule in schedules]
    return Plans(1, insert_wanted(tx, wanted))


def _by_deployment(schedules: Sequence[Row[Any]]) -> Mapping[str, list[Row[Any]]]:
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for schedule in schedules:
        found[schedule.deployment_id].append(schedule)
    return found


def _knows(calendar: Calendar, schedules: Sequence[Row[Any]]) -> bool:
    return all(schedule.schedule in calendar for schedule in schedules)


def _unmark(tx: Transaction, ids: Sequence[str]) -> None:
    # (`updated` stays: nothing that a user has said is changed.)
    if ids:
        which = is_in(_D.id, list(ids), tx.dialect)
        tx.connection.execute(update(deployment).where(which).values(to_be_planned=False))
