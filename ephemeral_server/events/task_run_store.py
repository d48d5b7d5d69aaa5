"""Task runs and their states as clients' events tell them, in the database.

Events may come late, twice and in any order. All states are kept; a run is what its newest
state says, and what an event does not mention stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, or_, select, tuple_, update

from ephemeral_server.database import Transaction
from ephemeral_server.database.tables import flow_run, task_run, task_run_state
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.events.batching import Refused
from ephemeral_server.events.model import json_text
from ephemeral_server.events.task_run_changes import TaskRunChange
from ephemeral_server.orchestration.states import DETAIL_DEFAULTS

NaturalKey = tuple["str | None", str, str]

_COLUMNS = (
    task_run.c.id,
    task_run.c.flow_run_id,
    task_run.c.task_key,
    task_run.c.dynamic_key,
    task_run.c.state_timestamp,
)
_by_id = select(*_COLUMNS).where(task_run.c.id.in_(bindparam("ids", expanding=True)))
_by_key = select(*_COLUMNS).where(
    tuple_(task_run.c.flow_run_id, task_run.c.task_key, task_run.c.dynamic_key).in_(
        bindparam("keys", expanding=True)
    )
)
_by_key_alone = select(*_COLUMNS).where(
    task_run.c.flow_run_id.is_(None),
    tuple_(task_run.c.task_key, task_run.c.dynamic_key).in_(bindparam("keys", expanding=True)),
)
_flow_runs = select(flow_run.c.id).where(flow_run.c.id.in_(bindparam("ids", expanding=True)))
_states = select(
    task_run_state.c.id, task_run_state.c.task_run_id, task_run_state.c.timestamp
).where(
    task_run_state.c.task_run_id.in_(bindparam("ids", expanding=True)),
    task_run_state.c.timestamp >= bindparam("since"),
)
# Sets the columns that the parameters name, unless another server wrote a newer state meanwhile.
_update = update(task_run).where(
    task_run.c.id == bindparam("run_id"),
    or_(task_run.c.state_timestamp.is_(None), task_run.c.state_timestamp < bindparam("newest")),
)

#: What a new task run has in the columns that its first event does not tell.
_NEW: dict[str, Any] = {
    "tags": "[]",
    "labels": "{}",
    "empirical_policy": json_text(
        {
            "max_retries": 0,
            "retry_delay_seconds": 0.0,
            "retries": None,
            "retry_delay": None,
            "retry_jitter_factor": None,
        }
    ),
    "run_count": 0,
    "expected_start_time": None,
    "next_scheduled_start_time": None,
    "start_time": None,
    "end_time": None,
    "total_run_time": 0,
    "cache_key": None,
    "cache_expiration": None,
    "task_version": None,
    "flow_run_run_count": 0,
    "task_inputs": "{}",
}


def record_changes(tx: Transaction, changes: list[TaskRunChange]) -> list[Refused]:
    """Write the changes, in the order of their coming.

    Returns:
        Those that cannot be written yet: their flow run is unknown, or nothing is known of
        the run but this change, which lacks its keys.
    """
    batch = _Batch(tx, changes)
    refused = [refusal for change in changes if (refusal := batch.apply(change)) is not None]
    batch.write()
    return refused


class _Run:
    """A task run that is in the database or will be."""

    __slots__ = ("changes", "flow_run_id", "id", "is_new", "key", "state_ids", "times", "timestamp")

    def __init__(self, id: str, key: NaturalKey, timestamp: int | None, *, is_new: bool) -> None:
        self.id, self.key, self.timestamp, self.is_new = id, key, timestamp, is_new
        self.flow_run_id = key[0]
        self.changes: dict[str, Any] = {}
        self.state_ids: set[str] = set()
        self.times: set[int] = set()


class _Batch:
    """The changes of one transaction and the rows they are about."""

    def __init__(self, tx: Transaction, changes: list[TaskRunChange]) -> None:
        self._tx = tx
        self._now = tx.now()
        self._runs: dict[str, _Run] = {}  # by each id that a client calls it
        self._keys: dict[NaturalKey, _Run] = {}
        self._states: list[dict[str, Any]] = []
        self._find_runs(changes)
        self._find_states(min(change.event.occurred for change in changes))
        flow_run_ids = {c.flow_run_id for c in changes if c.flow_run_id is not None}
        found = tx.connection.scalars(_flow_runs, {"ids": list(flow_run_ids)})
        self._flow_runs = set(found)

    def apply(self, change: TaskRunChange) -> Refused | None:
        """Let the run become what `change` says; the refusal if that is not possible."""
        key = change.natural_key
        run = (self._keys.get(key) if key else None) or self._runs.get(change.run_id)
        moved = change.flow_run_id is not None and (
            run is None or change.flow_run_id != run.flow_run_id
        )
        if moved and change.flow_run_id not in self._flow_runs:
            return Refused(change.event, f"there is no flow run {change.flow_run_id}")
        if run is None:
            if key is None:
                return Refused(change.event, "the task run is unknown and its keys are not told")
            run = self._keys[key] = _Run(change.run_id, key, None, is_new=True)
        elif moved:
            run.flow_run_id = change.flow_run_id
        self._runs[change.run_id] = run
        if change.event.id not in run.state_ids:
            self._enter(run, change)
        return None

    def write(self) -> None:
        """Write the runs and states."""
        runs = {run.id: run for run in self._runs.values() if run.changes}
        execute = self._tx.connection.execute
        new = [self._row(run) for run in runs.values() if run.is_new]
        if new:
            execute(task_run.insert(), new)
        updates: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for run in sorted(runs.values(), key=lambda run: run.id):  # one order, so no deadlocks
            if not run.is_new:
                values = {**run.changes, "flow_run_id": run.flow_run_id, "updated": self._now}
                row = {**values, "run_id": run.id, "newest": run.timestamp}
                updates.setdefault(tuple(sorted(row)), []).append(row)
        for rows in updates.values():
            execute(_update, rows)
        if self._states:
            execute(insert_or_ignore(self._tx.dialect, task_run_state, "id"), self._states)

    def _enter(self, run: _Run, change: TaskRunChange) -> None:
        # A clock that is coarser than the client's steps gives two states one timestamp;
        # which is unique within a run, so the later arrival is a microsecond later.
        timestamp = change.event.occurred
        while timestamp in run.times:
            timestamp += 1
        run.times.add(timestamp)
        run.state_ids.add(change.event.id)
        ids = {"task_run_id": run.id, "flow_run_id": run.flow_run_id}
        self._states.append(
            {
                "id": change.event.id,
                "task_run_id": run.id,
                "timestamp": timestamp,
                "type": change.type,
                "name": change.name,
                "message": change.message,
                "state_details": json_text({**DETAIL_DEFAULTS, **change.details, **ids}),
                "data": change.data,
            }
        )
        if run.timestamp is None or run.timestamp < timestamp:
            run.timestamp = timestamp
            run.changes.update(change.columns)
            run.changes.update(
                state_id=change.event.id,
                state_type=change.type,
                state_name=change.name,
                state_timestamp=timestamp,
            )
            if run.is_new and "name" not in run.changes:
                label = change.event.resource.get("prefect.resource.name")
                run.changes["name"] = label or run.key[1]

    def _row(self, run: _Run) -> dict[str, Any]:
        return {
            "id": run.id,
            "created": self._now,
            "updated": self._now,
            "flow_run_id": run.flow_run_id,
            **_NEW,
            **run.changes,
        }

    def _find_runs(self, changes: list[TaskRunChange]) -> None:
        execute = self._tx.connection.execute
        ids = list({change.run_id for change in changes})
        self._add(execute(_by_id, {"ids": ids}))
        keys = {change.natural_key for change in changes} - self._keys.keys() - {None}
        inside = [key for key in keys if key is not None and key[0] is not None]
        alone = [key[1:] for key in keys if key is not None and key[0] is None]
        if inside:
            self._add(execute(_by_key, {"keys": inside}))
        if alone:
            self._add(execute(_by_key_alone, {"keys": alone}))

    def _add(self, rows: Iterable[Any]) -> None:
        for id, flow_run_id, task_key, dynamic_key, timestamp in rows:
            key = flow_run_id, task_key, dynamic_key
            run = _Run(id, key, timestamp, is_new=False)
            self._runs[id] = self._keys[key] = run

    def _find_states(self, since: int) -> None:
        if self._runs:
            parameters = {"ids": list(self._runs), "since": since}
            for id, run_id, timestamp in self._tx.connection.execute(_states, parameters):
                self._runs[run_id].state_ids.add(id)
                self._runs[run_id].times.add(timestamp)
