"""What can be done with the task runs of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, select, update

from ephemeral_server.clock import micros
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import Prepared, fetch_all
from ephemeral_server.database.sorting import Order, ascending, descending
from ephemeral_server.database.tables import flow_run, task_run
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.limits.releases import release_of_task_run
from ephemeral_server.logs.store import delete_logs_of_task_run
from ephemeral_server.names import random_name
from ephemeral_server.orchestration.changes import change_task_run
from ephemeral_server.orchestration.creation import first_state, fresh_columns, merged_labels
from ephemeral_server.orchestration.run import Run
from ephemeral_server.orchestration.wire import state_values
from ephemeral_server.settings import Settings
from ephemeral_server.task_runs.schemas import TaskRunCreate
from ephemeral_server.task_runs.wire import SELECT_TASK_RUNS, TASK_RUN
from ephemeral_server.wire import dump

#: Values of task runs in the order of the keys of `TASK_RUN`.
Rows = Sequence[Sequence[Any]]

_C = task_run.c
ORDERS: Mapping[str, Order] = {
    "ID_DESC": descending(_C.id, _C.id),
    "EXPECTED_START_TIME_ASC": ascending(_C.expected_start_time, _C.id),
    "EXPECTED_START_TIME_DESC": descending(_C.expected_start_time, _C.id),
    "NAME_ASC": ascending(_C.name, _C.id),
    "NAME_DESC": descending(_C.name, _C.id),
    "NEXT_SCHEDULED_START_TIME_ASC": ascending(_C.next_scheduled_start_time, _C.id),
    "END_TIME_DESC": descending(_C.end_time, _C.id),
}

_BY_ID = Prepared(SELECT_TASK_RUNS.where(_C.id == bindparam("id")))
_BY_KEYS = SELECT_TASK_RUNS.where(_C.task_key == bindparam("task_key")).where(
    _C.dynamic_key == bindparam("dynamic_key")
)
_IN_FLOW_RUN = _BY_KEYS.where(_C.flow_run_id == bindparam("flow_run_id"))
_ALONE = _BY_KEYS.where(_C.flow_run_id.is_(None))
_FLOW_RUN = select(flow_run.c.labels, flow_run.c.run_count, flow_run.c.state_type).where(
    flow_run.c.id == bindparam("id")
)


def create_task_run(
    tx: Transaction, settings: Settings, body: TaskRunCreate
) -> tuple[Mapping[str, Any], bool]:
    """Make a task run in its first state, unless its flow run has one with its keys.

    Returns:
        The values of the run by the keys of `TASK_RUN`, and whether it is new.

    Raises:
        IntegrityError: there is no such flow run, or another run has this id.
    """
    found = tx.connection.execute(*_same_keys(body)).first()
    if found is not None:
        return found._asdict(), False
    outer: Mapping[str, Any] = {}
    if body.flow_run_id is not None:
        above = tx.connection.execute(_FLOW_RUN, {"id": str(body.flow_run_id)}).first()
        outer = {} if above is None else above._asdict()
    now = tx.now()
    values = {
        **_columns(body, outer.get("labels"), now),
        "flow_run.run_count": outer.get("run_count"),
        "flow_run.state_type": outer.get("state_type"),
    }
    run = Run(values, new_in=task_run)
    state = first_state(body.state.to_state(now) if body.state else None, now)
    outcome = change_task_run(tx, settings, run, None, state, force=True)
    entered = outcome.state or state
    row = {**run.values, **state_values(entered)}
    return {member: row[member] for member in TASK_RUN.keys}, True


def _same_keys(body: TaskRunCreate) -> tuple[Select[Any], dict[str, str]]:
    keys = {"task_key": body.task_key, "dynamic_key": body.dynamic_key}
    if body.flow_run_id is None:
        return _ALONE, keys
    return _IN_FLOW_RUN, {**keys, "flow_run_id": str(body.flow_run_id)}


def _columns(body: TaskRunCreate, labels: str | None, now: int) -> dict[str, Any]:
    flow_run_id = None if body.flow_run_id is None else str(body.flow_run_id)
    expiration = body.cache_expiration
    return {
        **fresh_columns(now, body.name, id=None if body.id is None else str(body.id)),
        "flow_run_id": flow_run_id,
        "tags": dump(body.tags),
        "labels": merged_labels(labels, body.labels, flow_run=flow_run_id),
        "empirical_policy": body.empirical_policy.model_dump_json(),
        "task_key": body.task_key,
        "dynamic_key": body.dynamic_key,
        "cache_key": body.cache_key,
        "cache_expiration": None if expiration is None else micros(expiration),
        "task_version": body.task_version,
        "flow_run_run_count": 0,
        "task_inputs": dump(body.model_dump(mode="json", include={"task_inputs"})["task_inputs"]),
    }


def read_task_run(connection: Connection, id: str) -> Sequence[Any] | None:
    """The task run of this id."""
    return _BY_ID.first(connection, {"id": id})


def list_task_runs(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> Rows:
    """Some of the task runs."""
    query = SELECT_TASK_RUNS.where(where).order_by(*order).limit(limit).offset(offset)
    return fetch_all(connection, query)


def count_task_runs(connection: Connection, where: Clause) -> int:
    """How many task runs there are."""
    return connection.execute(select(func.count()).select_from(task_run).where(where)).scalar_one()


def page_of_task_runs(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> tuple[Rows, int]:
    """Some of the task runs, and how many there are in all, at one moment."""
    rows = list_task_runs(connection, where, order, limit, offset)
    return rows, count_task_runs(connection, where)


def rename_task_run(tx: Transaction, id: str, changes: Mapping[str, str | None]) -> bool:
    """Change the name if `changes` holds one; whether there is such a run."""
    values: dict[str, Any] = {"updated": tx.now()}
    if "name" in changes:
        values["name"] = changes["name"] or random_name()
    result = tx.connection.execute(update(task_run).where(_C.id == id).values(values))
    return bool(result.rowcount)


def delete_task_run(tx: Transaction, id: str) -> bool:
    """Delete a task run with its states and logs; whether there was one.

    The slots that it holds are given back. Flow runs that it stood for live on without a parent.
    """
    release_of_task_run(tx, id)
    delete_logs_of_task_run(tx.connection, id)
    return bool(tx.connection.execute(delete(task_run).where(_C.id == id)).rowcount)
