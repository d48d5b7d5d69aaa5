"""A task run as JSON, and the query that reads it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select

from ephemeral_server.database.tables import artifact, task_run, task_run_state
from ephemeral_server.orchestration.storage import state_columns
from ephemeral_server.orchestration.wire import ESTIMATES, STATE_FIELD
from ephemeral_server.wire import (
    Shape,
    field,
    instant,
    number,
    plain,
    raw,
    raw_or,
    seconds,
    text,
)

_BRIEF = (
    field("id", plain),
    field("created", instant),
    field("updated", instant),
    field("name", text),
    field("flow_run_id", plain),
    field("task_key", text),
    field("task_version", text),
    field("empirical_policy", raw),
    field("tags", raw),
    field("state_id", plain),
    field("task_inputs", raw),
    field("start_time", instant),
    field("end_time", instant),
    field("total_run_time", seconds),
    STATE_FIELD,
    *ESTIMATES,
)

TASK_RUN = Shape(
    (
        *_BRIEF,
        field("dynamic_key", text),
        field("cache_key", text),
        field("cache_expiration", instant),
        field("labels", raw_or("{}")),
        field("state_type", plain),
        field("state_name", text),
        field("run_count", number),
        field("flow_run_run_count", number),
        field("expected_start_time", instant),
        field("next_scheduled_start_time", instant),
    )
)


def _brief(row: tuple[Any, ...]) -> list[Any]:
    return [row[place] for place in _PLACES]


#: A task run in pages, which show less of it than the other routes.
TASK_RUN_IN_PAGE = Shape(_BRIEF)
_PLACES = [TASK_RUN.keys.index(key) for key in TASK_RUN_IN_PAGE.keys]


def page_values(rows: Any) -> list[list[Any]]:
    """Values for `TASK_RUN_IN_PAGE` from those for `TASK_RUN`."""
    return [_brief(row) for row in rows]


def _columns() -> list[ColumnElement[Any]]:
    known: dict[str, ColumnElement[Any]] = {
        **{column.name: column for column in task_run.c},
        **{column.name: column for column in state_columns(task_run_state)},
    }
    return [known[key].label(key) for key in TASK_RUN.keys]


#: Task runs with all that their shape takes; to be narrowed, sorted and cut by the caller.
SELECT_TASK_RUNS = select(*_columns()).select_from(
    task_run.outerjoin(task_run_state, task_run_state.c.id == task_run.c.state_id).outerjoin(
        artifact, artifact.c.id == task_run_state.c.result_artifact_id
    )
)
