"""A flow run as JSON, and the query that reads it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select

from ephemeral_server.database.tables import (
    artifact,
    flow_run,
    flow_run_state,
    work_pool,
    work_queue,
)
from ephemeral_server.orchestration.storage import state_columns
from ephemeral_server.orchestration.wire import ESTIMATES, STATE_FIELD
from ephemeral_server.wire import (
    Field,
    Shape,
    boolean,
    field,
    instant,
    number,
    plain,
    raw,
    raw_or,
    seconds,
    text,
)

FLOW_RUN = Shape(
    (
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("name", text),
        field("flow_id", plain),
        field("state_id", plain),
        field("deployment_id", plain),
        field("deployment_version", text),
        field("work_queue_id", plain),
        field("work_queue_name", text),
        field("work_pool_id", plain),
        field("work_pool_name", text),
        field("flow_version", text),
        field("parameters", raw),
        field("idempotency_key", text),
        field("context", raw),
        field("empirical_policy", raw),
        field("tags", raw),
        field("labels", raw_or("{}")),
        field("parent_task_run_id", plain),
        field("state_type", plain),
        field("state_name", text),
        field("run_count", number),
        field("expected_start_time", instant),
        field("next_scheduled_start_time", instant),
        field("start_time", instant),
        field("end_time", instant),
        field("total_run_time", seconds),
        field("auto_scheduled", boolean),
        field("infrastructure_document_id", plain),
        field("infrastructure_pid", text),
        field("created_by", raw),
        field("job_variables", raw_or("{}")),
        STATE_FIELD,
        *ESTIMATES,
    )
)


def _no_state() -> str:
    return "null"


_AROUND = ("state", "work_pool_id", "work_pool_name")
#: A flow run by itself, from the columns of its row: its state is not read.
FLOW_RUN_ALONE = Shape(
    (
        *(member for member in FLOW_RUN.fields if member.name not in _AROUND),
        Field("state", _no_state, ()),
    )
)


def _columns() -> list[ColumnElement[Any]]:
    """The columns that the shape's keys stand for, in their order."""
    known: dict[str, ColumnElement[Any]] = {
        **{column.name: column for column in flow_run.c},
        **{column.name: column for column in state_columns(flow_run_state)},
        # The name of the queue a run is in; else the text it was made with.
        "work_queue_name": func.coalesce(work_queue.c.name, flow_run.c.work_queue_name),
        "work_pool_id": work_pool.c.id,
        "work_pool_name": work_pool.c.name,
    }
    return [known[key].label(key) for key in FLOW_RUN.keys]


#: Flow runs with all that their shape takes; to be narrowed, sorted and cut by the caller.
SELECT_FLOW_RUNS = select(*_columns()).select_from(
    flow_run.outerjoin(flow_run_state, flow_run_state.c.id == flow_run.c.state_id)
    .outerjoin(artifact, artifact.c.id == flow_run_state.c.result_artifact_id)
    .outerjoin(work_queue, work_queue.c.id == flow_run.c.work_queue_id)
    .outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
)
