"""Making flow runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, select

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import (
    deployment,
    flow,
    flow_run,
    task_run,
    work_pool,
    work_queue,
)
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.flow_runs.schemas import FlowRunCreate, NewFlowRun
from ephemeral_server.flow_runs.wire import FLOW_RUN, SELECT_FLOW_RUNS
from ephemeral_server.orchestration.changes import change_flow_run
from ephemeral_server.orchestration.creation import first_state, fresh_columns, merged_labels
from ephemeral_server.orchestration.policies import FLOW_MINIMAL
from ephemeral_server.orchestration.run import Run
from ephemeral_server.orchestration.states import State
from ephemeral_server.orchestration.wire import state_values
from ephemeral_server.settings import Settings
from ephemeral_server.wire import dump

_FLOW = Prepared(
    select(
        flow.c.name.label("flow.name"),
        flow.c.tags.label("flow.tags"),
        flow.c.labels.label("above.labels"),
    ).where(flow.c.id == bindparam("id"))
)
_DEPLOYMENT = Prepared(
    select(
        deployment.c.name.label("deployment.name"),
        deployment.c.tags.label("deployment.tags"),
        deployment.c.labels.label("above.labels"),
    ).where(deployment.c.id == bindparam("id"))
)
_PARENT = Prepared(
    select(task_run.c.name.label("parent.name"), task_run.c.tags.label("parent.tags")).where(
        task_run.c.id == bindparam("id")
    )
)
_BY_KEY = Prepared(
    SELECT_FLOW_RUNS.where(flow_run.c.flow_id == bindparam("flow_id")).where(
        flow_run.c.idempotency_key == bindparam("key")
    )
)
_POOL = select(work_pool).where(work_pool.c.name == bindparam("name"))
_QUEUE = select(work_queue.c.id, work_queue.c.name).where(
    work_queue.c.work_pool_id == bindparam("pool_id")
)

#: What events tell of the objects around a run.
_AROUND = (
    "flow.name",
    "flow.tags",
    "deployment.name",
    "deployment.tags",
    "work_queue.name",
    "work_pool.id",
    "work_pool.name",
    "work_pool.type",
    "parent.name",
    "parent.tags",
)
#: Members of `FLOW_RUN` that are not of the run itself.
_OF_OTHERS = {"work_pool_id": "work_pool.id", "work_pool_name": "work_pool.name"}

#: Values of a flow run by the keys of `FLOW_RUN`.
Values = Mapping[str, Any]


def create_flow_run(
    tx: Transaction, settings: Settings, body: FlowRunCreate, created_by: dict[str, Any] | None
) -> tuple[Values, bool]:
    """Make a flow run in its first state, unless its flow has one with its idempotency key.

    Returns:
        The run, and whether it is new.

    Raises:
        IntegrityError: there is no such flow, or no such parent task run.
        ObjectNotFoundError: there is no such work pool or queue.
    """
    same = read_by_key(tx.connection, str(body.flow_id), body.idempotency_key)
    if same is not None:
        return same, False
    around = _around(tx, body)
    deployment_id = None if body.deployment_id is None else str(body.deployment_id)
    deployed = around.get("deployment.name") is not None
    columns = {
        "flow_id": str(body.flow_id),
        "flow_version": body.flow_version,
        "deployment_id": deployment_id,
        "deployment_version": None,
        "work_queue_id": around.pop("work_queue.id"),
        "work_queue_name": body.work_queue_name,
        "parameters": dump(body.parameters),
        "tags": dump(body.tags),
        "labels": merged_labels(
            around.pop("above.labels", None),
            body.labels,
            flow=str(body.flow_id),
            deployment=deployment_id if deployed else None,
        ),
    }
    now = tx.now()
    state = first_state(body.state.to_state(now) if body.state else None, now)
    return make_flow_run(tx, settings, body, columns, around, state, created_by), True


def read_by_key(connection: Connection, flow_id: str, key: str | None) -> Values | None:
    """The run of a flow that was made with this idempotency key; an empty one is none."""
    if not key:
        return None
    return _BY_KEY.mapping(connection, {"flow_id": flow_id, "key": key})


def read_parent(connection: Connection, id: UUID) -> dict[str, Any] | None:
    """What events tell of a parent task run."""
    return _PARENT.mapping(connection, {"id": str(id)})


def make_flow_run(
    tx: Transaction,
    settings: Settings,
    body: NewFlowRun,
    columns: Mapping[str, Any],
    around: Mapping[str, Any],
    state: State,
    created_by: dict[str, Any] | None,
) -> Values:
    """Make a flow run, whatever there is already.

    Args:
        columns: of the run, those that depend on more than the body.
        around: what events tell of the objects around it, as far as there are such.
        state: the first one.

    Raises:
        IntegrityError: there is no such flow, or no such parent task run.
    """
    around = {**dict.fromkeys(_AROUND), **around}
    own = {**_own_columns(body, created_by, tx.now()), **columns}
    run = Run({**own, **around}, new_in=flow_run)
    change_flow_run(tx, settings, run, None, state, FLOW_MINIMAL)
    values = {
        **run.values,
        **state_values(state),
        **{member: around[name] for member, name in _OF_OTHERS.items()},
    }
    values["work_queue_name"] = around["work_queue.name"] or values["work_queue_name"]
    return {member: values[member] for member in FLOW_RUN.keys}


def _own_columns(body: NewFlowRun, created_by: dict[str, Any] | None, now: int) -> dict[str, Any]:
    parent, document = body.parent_task_run_id, body.infrastructure_document_id
    return {
        **fresh_columns(now, body.name),
        "empirical_policy": body.empirical_policy.model_dump_json(),
        "schedule_id": None,
        "idempotency_key": body.idempotency_key or None,
        "context": dump(body.context),
        "parent_task_run_id": None if parent is None else str(parent),
        "auto_scheduled": False,
        "infrastructure_document_id": None if document is None else str(document),
        "infrastructure_pid": None,
        "created_by": None if created_by is None else dump(created_by),
        "job_variables": dump(body.job_variables or {}),
    }


def _around(tx: Transaction, body: FlowRunCreate) -> dict[str, Any]:
    """What the run belongs to, under the names that events know."""
    around: dict[str, Any] = {}
    for query, id_ in (
        (_FLOW, body.flow_id),
        (_DEPLOYMENT, body.deployment_id),
        (_PARENT, body.parent_task_run_id),
    ):
        if id_ is not None:
            # What is missing and must not be is found by the foreign keys.
            around |= query.mapping(tx.connection, {"id": str(id_)}) or {}
    return {**around, **_queue(tx, body)}


def _queue(tx: Transaction, body: FlowRunCreate) -> dict[str, Any]:
    """The queue that the run waits in: the one named, or its pool's default."""
    if not body.work_pool_name:
        return {"work_queue.id": None}
    pool = tx.connection.execute(_POOL, {"name": body.work_pool_name}).mappings().first()
    queue = None
    if pool is not None:
        if not body.work_queue_name:
            wanted = work_queue.c.id == pool["default_queue_id"]
        else:
            wanted = work_queue.c.name == body.work_queue_name
        queue = tx.connection.execute(_QUEUE.where(wanted), {"pool_id": pool["id"]}).first()
    if pool is None or queue is None:
        if not body.work_queue_name:
            raise ObjectNotFoundError(f'Work pool "{body.work_pool_name}" not found.')
        name = f"{body.work_pool_name}/{body.work_queue_name}"
        raise ObjectNotFoundError(f"Work pool queue '{name}' not found.")
    return {
        "work_queue.id": queue.id,
        "work_queue.name": queue.name,
        "work_pool.id": pool["id"],
        "work_pool.name": pool["name"],
        "work_pool.type": pool["type"],
    }
