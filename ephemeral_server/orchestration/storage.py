"""Runs and states between the database and the rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    bindparam,
    func,
    select,
    update,
)

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import (
    artifact,
    deployment,
    flow,
    flow_run,
    flow_run_state,
    task_run,
    task_run_state,
    work_pool,
    work_queue,
)
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.orchestration.results import keep_result
from ephemeral_server.orchestration.run import Run
from ephemeral_server.orchestration.states import State, load_details

#: Columns of a run that a transition may change.
_CHANGED = (
    "state_id",
    "state_type",
    "state_name",
    "state_timestamp",
    "run_count",
    "expected_start_time",
    "next_scheduled_start_time",
    "start_time",
    "end_time",
    "total_run_time",
    "empirical_policy",
)


def state_columns(table: FromClause, result: FromClause = artifact) -> list[ColumnElement[Any]]:
    """The columns of a state, labelled ``state.<column>``, its result read from `result`."""
    plain = ("id", "type", "name", "timestamp", "message", "state_details")
    return [
        *(table.c[name].label(f"state.{name}") for name in plain),
        func.coalesce(table.c.data, result.c.data).label("state.data"),
    ]


def state_from(row: Mapping[str, Any]) -> State:
    """The state in a row that holds `state_columns`."""
    data = row["state.data"]
    return State(
        type=row["state.type"],
        name=row["state.name"],
        timestamp=row["state.timestamp"],
        message=row["state.message"],
        data=None if data is None else json.loads(data),
        details=load_details(row["state.state_details"]),
        id=row["state.id"],
    )


_parent = task_run.alias("parent")

_FLOW_RUN = (
    select(
        *flow_run.c,
        *state_columns(flow_run_state),
        flow.c.name.label("flow.name"),
        flow.c.tags.label("flow.tags"),
        deployment.c.name.label("deployment.name"),
        deployment.c.tags.label("deployment.tags"),
        deployment.c.concurrency_limit_id.label("deployment.concurrency_limit_id"),
        deployment.c.concurrency_options.label("deployment.concurrency_options"),
        work_queue.c.name.label("work_queue.name"),
        work_pool.c.id.label("work_pool.id"),
        work_pool.c.name.label("work_pool.name"),
        work_pool.c.type.label("work_pool.type"),
        _parent.c.name.label("parent.name"),
        _parent.c.tags.label("parent.tags"),
    )
    .join(flow, flow.c.id == flow_run.c.flow_id)
    .outerjoin(flow_run_state, flow_run_state.c.id == flow_run.c.state_id)
    .outerjoin(artifact, artifact.c.id == flow_run_state.c.result_artifact_id)
    .outerjoin(deployment, deployment.c.id == flow_run.c.deployment_id)
    .outerjoin(work_queue, work_queue.c.id == flow_run.c.work_queue_id)
    .outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
    .outerjoin(_parent, _parent.c.id == flow_run.c.parent_task_run_id)
    .where(flow_run.c.id == bindparam("run_id"))
)

_outer = flow_run.alias("outer")
_outer_state = flow_run_state.alias("outer_state")

_TASK_RUN = (
    select(
        *task_run.c,
        *state_columns(task_run_state),
        _outer.c.run_count.label("flow_run.run_count"),
        _outer.c.state_type.label("flow_run.state_type"),
        _outer_state.c.state_details.label("flow_run.state_details"),
    )
    .outerjoin(task_run_state, task_run_state.c.id == task_run.c.state_id)
    .outerjoin(artifact, artifact.c.id == task_run_state.c.result_artifact_id)
    .outerjoin(_outer, _outer.c.id == task_run.c.flow_run_id)
    .outerjoin(_outer_state, _outer_state.c.id == _outer.c.state_id)
    .where(task_run.c.id == bindparam("run_id"))
)


class _Finding:
    """What finds and locks a run: two statements.

    PostgreSQL lets a statement that waited for a lock see the row as it became meanwhile, but
    what it is joined with (here: the run's state) as it was before the wait. So the row is
    locked before it is read. A transaction of SQLite is alone from its start.
    """

    def __init__(self, kind: str, table: Table, query: Select[Any]) -> None:
        self.kind = kind
        self._query = Prepared(query)
        # `key_share`: rows that refer to the run may be inserted meanwhile, by us as well.
        locked = select(table.c.id).where(table.c.id == bindparam("run_id"))
        self._lock = locked.with_for_update(key_share=True)

    def find(self, tx: Transaction, run_id: str) -> dict[str, Any] | None:
        """The values of the run, or None if there is no such run."""
        if tx.dialect == "postgresql":
            tx.connection.execute(self._lock, {"run_id": run_id})
        return self._query.mapping(tx.connection, {"run_id": run_id})


_FIND_FLOW_RUN = _Finding("Flow run", flow_run, _FLOW_RUN)
_FIND_TASK_RUN = _Finding("Task run", task_run, _TASK_RUN)


def load_flow_run(tx: Transaction, flow_run_id: str) -> tuple[Run, State | None]:
    """A flow run with what its events tell of it, locked until the end of the transaction.

    Raises:
        ObjectNotFoundError: there is no such flow run.
    """
    return _load(tx, _FIND_FLOW_RUN, flow_run_id)


def load_task_run(tx: Transaction, task_run_id: str) -> tuple[Run, State | None]:
    """A task run with the state of its flow run, locked until the end of the transaction.

    Raises:
        ObjectNotFoundError: there is no such task run.
    """
    return _load(tx, _FIND_TASK_RUN, task_run_id)


def _load(tx: Transaction, finding: _Finding, run_id: str) -> tuple[Run, State | None]:
    values = finding.find(tx, run_id)
    if values is None:
        raise ObjectNotFoundError(f"{finding.kind} with id {run_id} not found")
    return Run(values), state_from(values) if values["state.id"] is not None else None


_STATE_COLUMNS = (
    "id",
    "timestamp",
    "type",
    "name",
    "message",
    "state_details",
    "data",
    "result_artifact_id",
)
_INSERT_STATE = {
    owner: Prepared(table.insert(), (owner, *_STATE_COLUMNS))
    for owner, table in (("flow_run_id", flow_run_state), ("task_run_id", task_run_state))
}


def insert_state(tx: Transaction, run: Run, state: State, owner: str) -> None:
    """Store a state of a run; `owner` is the column that names the run."""
    row = {
        "id": state.id,
        owner: run.id,
        "timestamp": state.timestamp,
        "type": state.type,
        "name": state.name,
        "message": state.message,
        "state_details": state.details_text(),
        "data": None,
        "result_artifact_id": keep_result(tx, run, state),
    }
    _INSERT_STATE[owner].run(tx.connection, row)


def _update(table: Table, *further: str) -> Prepared:
    names = (*_CHANGED, *further, "updated")
    return Prepared(
        update(table)
        .where(table.c.id == bindparam("run_id"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )


_UPDATE_FLOW_RUN = _update(flow_run)
_UPDATE_TASK_RUN = _update(task_run, "flow_run_run_count")


def save_flow_run(tx: Transaction, run: Run) -> None:
    """Store what a transition changed of a flow run."""
    _save(tx, run, _UPDATE_FLOW_RUN, _CHANGED)


def save_task_run(tx: Transaction, run: Run) -> None:
    """Store what a transition changed of a task run."""
    _save(tx, run, _UPDATE_TASK_RUN, (*_CHANGED, "flow_run_run_count"))


def _save(tx: Transaction, run: Run, statement: Prepared, columns: tuple[str, ...]) -> None:
    if run.changes:
        values = {f"new_{name}": run[name] for name in columns}
        statement.run(tx.connection, {**values, "run_id": run.id, "new_updated": tx.now()})
