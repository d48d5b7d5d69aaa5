"""The runs that schedules want: made of their deployments, and inserted once.

A run's idempotency key names its schedule and its date, so none is there twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence, Set
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from ephemeral_server.clock import to_datetime
from ephemeral_server.database.likely import IS_SCHEDULED
from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import flow_run, flow_run_state
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.deployments.upcoming import Upcoming
from ephemeral_server.flow_runs.schemas import FlowRunPolicy
from ephemeral_server.ids import new_ids
from ephemeral_server.orchestration.creation import fresh_columns, merged_labels
from ephemeral_server.orchestration.states import State, scheduled
from ephemeral_server.wire import dump

_R = flow_run.c
_POLICY = FlowRunPolicy().model_dump_json()


class Wanted(NamedTuple):
    """The runs of one schedule.

    Attributes:
        deployment: its row.
        schedule: its row.
        upcoming: the dates.
        most: of how many of them there is to be a run, the first ones; None: of all.
    """

    deployment: Row[Any]
    schedule: Row[Any]
    upcoming: Upcoming
    most: int | None

    @property
    def instants(self) -> Sequence[int]:
        return self.upcoming.instants[: self.most]

    def key(self, instant: int) -> str:
        """What makes a run the one of a date."""
        return f"scheduled {self.deployment.id} {self.schedule.id} {to_datetime(instant)}"


def insert_wanted(tx: Transaction, wanted: Sequence[Wanted]) -> int:
    """Insert the runs that are not there yet, with their states; how many."""
    waiting = _waiting(tx, wanted)
    runs = [run for each in wanted for run in _runs(each, waiting, tx.now())]
    if not runs:
        return 0
    insert = insert_or_ignore(tx.dialect, flow_run, "flow_id", "idempotency_key")
    tx.connection.execute(insert, [run for run, _ in runs])
    ids = is_in(_R.id, [run["id"] for run, _ in runs], tx.dialect)
    new = set(tx.connection.scalars(select(_R.id).where(ids)))
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


def _waiting(tx: Transaction, wanted: Sequence[Wanted]) -> Set[str]:
    """The keys of the schedules' runs that still wait for their time: most of those wanted."""
    since = min((each.instants[0] for each in wanted if each.instants), default=None)
    if since is None:
        return frozenset()
    query = select(_R.idempotency_key).where(
        is_in(_R.schedule_id, [each.schedule.id for each in wanted], tx.dialect),
        _R.schedule_id.is_not(None),
        IS_SCHEDULED,
        _R.next_scheduled_start_time >= since,
    )
    return set(tx.connection.scalars(query))


def _runs(wanted: Wanted, waiting: Set[str], now: int) -> Iterator[tuple[dict[str, Any], State]]:
    """The runs of a schedule, each with its state, but for those that wait already."""
    dates = [(at, key) for at in wanted.instants if (key := wanted.key(at)) not in waiting]
    if not dates:
        return
    row, schedule = wanted.deployment, wanted.schedule
    name = schedule.slug or wanted.upcoming.kind
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
        "created_by": dump({"id": schedule.id, "type": "SCHEDULE", "display_value": name}),
    }
    for id, (at, key) in zip(new_ids(len(dates), now), dates, strict=True):
        state = scheduled(at, now, message="Flow run scheduled")
        run = {
            **fresh_columns(now, None, id=id),
            **shared,
            "idempotency_key": key,
            "state_id": state.id,
            "state_type": state.type,
            "state_name": state.name,
            "state_timestamp": now,
            "expected_start_time": at,
            "next_scheduled_start_time": at,
        }
        yield run, state
