"""Plans runs of deployments by their schedules.

The dates are found first, from what a snapshot has of the schedules (`upcoming`). Within the
transaction that plans, a deployment is locked and read again: if one of its schedules is another
by now, it is left alone, since whoever has changed it asks for a plan as well. So nothing is
planned by what no longer holds, and no transaction takes longer than its rows do.

A run's idempotency key names its schedule and its date, so no run is planned twice.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from ephemeral_server.clock import to_datetime
from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import (
    deployment,
    deployment_schedule,
    flow_run,
    flow_run_state,
)
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.deployments.upcoming import Calendar
from ephemeral_server.flow_runs.schemas import FlowRunPolicy
from ephemeral_server.ids import new_ids
from ephemeral_server.orchestration.creation import fresh_columns, merged_labels
from ephemeral_server.orchestration.states import State, scheduled
from ephemeral_server.wire import dump

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
_POLICY = FlowRunPolicy().model_dump_json()


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
    runs = [
        run
        for row in rows
        if not row.paused
        for schedule in schedules[row.id]
        for run in _runs(row, schedule, calendar, schedule.max_scheduled_runs, tx.now())
    ]
    _unmark(tx, [row.id for row in rows if row.to_be_planned])
    return Plans(len(rows), _insert(tx, runs))


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
    runs = [run for schedule in schedules for run in _runs(row, schedule, calendar, None, tx.now())]
    return Plans(1, _insert(tx, runs))


def _by_deployment(schedules: Sequence[Row[Any]]) -> Mapping[str, list[Row[Any]]]:
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for schedule in schedules:
        found[schedule.deployment_id].append(schedule)
    return found


def _knows(calendar: Calendar, schedules: Sequence[Row[Any]]) -> bool:
    return all(schedule.schedule in calendar for schedule in schedules)


def _runs(
    row: Row[Any], schedule: Row[Any], calendar: Calendar, most: int | None, now: int
) -> Iterator[tuple[dict[str, Any], State]]:
    """The runs of a deployment's schedule, each with its state, at most so many."""
    upcoming = calendar[schedule.schedule]
    instants = upcoming.instants[:most]
    shared = {
        "flow_id": row.flow_id,
        "deployment_id": row.id,
        "deployment_version": row.version,
        "schedule_id": schedule.id,
        "work_queue_id": row.work_queue_id,
        "work_queue_name": row.work_queue_name,
        "infrastructure_document_id": row.infrastructure_document_id,
        "tags": dump(["auto-scheduled", *json.loads(row.tags)]),
        "labels": merged_labels(row.labels, None, flow=row.flow_id, deployment=row.id),
        "parameters": dump({**json.loads(row.parameters), **json.loads(schedule.parameters)}),
        "job_variables": "{}",
        "context": "{}",
        "empirical_policy": _POLICY,
        "auto_scheduled": True,
        "created_by": dump(
            {
                "id": schedule.id,
                "type": "SCHEDULE",
                "display_value": schedule.slug or upcoming.kind,
            }
        ),
    }
    for id, instant in zip(new_ids(len(instants), now), instants, strict=True):
        state = scheduled(instant, now, message="Flow run scheduled")
        run = {
            **fresh_columns(now, None, id=id),
            **shared,
            "idempotency_key": f"scheduled {row.id} {schedule.id} {to_datetime(instant)}",
            "state_id": state.id,
            "state_type": state.type,
            "state_name": state.name,
            "state_timestamp": now,
            "expected_start_time": instant,
            "next_scheduled_start_time": instant,
        }
        yield run, state


def _insert(tx: Transaction, runs: Sequence[tuple[dict[str, Any], State]]) -> int:
    """Insert those of the runs that are not there yet, with their states; how many."""
    if not runs:
        return 0
    insert = insert_or_ignore(tx.dialect, flow_run, "flow_id", "idempotency_key")
    tx.connection.execute(insert, [run for run, _ in runs])
    ids = is_in(flow_run.c.id, [run["id"] for run, _ in runs], tx.dialect)
    new = set(tx.connection.scalars(select(flow_run.c.id).where(ids)))
    states = [
        {
            "id": state.id,
            "flow_run_id": run["id"],
            "timestamp": state.timestamp,
            "type": state.type,
            "name": state.name,
            "message": state.message,
            "state_details": state.details_text(),
        }
        for run, state in runs
        if run["id"] in new
    ]
    if states:
        tx.connection.execute(flow_run_state.insert(), states)
    return len(states)


def _unmark(tx: Transaction, ids: Sequence[str]) -> None:
    # (`updated` stays: nothing that a user has said is changed.)
    if ids:
        which = is_in(_D.id, list(ids), tx.dialect)
        tx.connection.execute(update(deployment).where(which).values(to_be_planned=False))
