"""Deployments and their schedules as JSON, and the query that reads deployments."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select

from ephemeral_server.database.tables import (
    concurrency_limit,
    deployment,
    work_pool,
    work_queue,
)
from ephemeral_server.limits.wire import LIMIT
from ephemeral_server.wire import (
    Field,
    Shape,
    boolean,
    computed,
    field,
    instant,
    number,
    plain,
    raw,
    raw_or,
    text,
)

#: Needs the columns of its `keys`.
SCHEDULE = Shape(
    (
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("deployment_id", plain),
        field("schedule", raw),
        field("active", boolean),
        field("max_scheduled_runs", number),
        field("parameters", raw),
        field("slug", text),
    )
)


def _limit(now: int, *values: Any) -> str:
    return "null" if values[0] is None else LIMIT.render(values, now)


def _nothing(name: str) -> Field:
    return Field(name, lambda: "null", ())


#: A row's ``schedules`` is a JSON list; the other keys are in `SELECT_DEPLOYMENTS`.
DEPLOYMENT = Shape(
    (
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("name", text),
        field("version", text),
        field("description", text),
        field("flow_id", plain),
        field("paused", boolean),
        field("schedules", raw),
        _nothing("concurrency_limit"),
        computed("global_concurrency_limit", _limit, *[f"limit.{key}" for key in LIMIT.keys]),
        field("concurrency_options", raw),
        field("job_variables", raw),
        field("parameters", raw),
        field("tags", raw),
        field("labels", raw_or("{}")),
        field("work_queue_name", text),
        field("work_queue_id", plain),
        field("last_polled", instant),
        field("parameter_openapi_schema", raw),
        field("path", text),
        field("pull_steps", raw),
        field("entrypoint", text),
        field("storage_document_id", plain),
        field("infrastructure_document_id", plain),
        _nothing("created_by"),
        _nothing("updated_by"),
        field("work_pool_name", text),
        field("status", plain),
        field("enforce_parameter_schema", boolean),
    )
)
#: Where the schedules are among the keys of `DEPLOYMENT`.
SCHEDULES_AT = DEPLOYMENT.keys.index("schedules")


def _columns() -> list[ColumnElement[Any]]:
    """The columns that the shape's keys stand for, in their order, without the schedules."""
    known: dict[str, ColumnElement[Any]] = {
        **{column.name: column for column in deployment.c},
        **{f"limit.{column.name}": column for column in concurrency_limit.c},
        # The name of the queue that runs go to; else the text that was given.
        "work_queue_name": func.coalesce(work_queue.c.name, deployment.c.work_queue_name),
        "work_pool_name": work_pool.c.name,
    }
    return [known[key].label(key) for key in DEPLOYMENT.keys if key != "schedules"]


#: Deployments with all that their shape takes but the schedules.
SELECT_DEPLOYMENTS = select(*_columns()).select_from(
    deployment.outerjoin(work_queue, work_queue.c.id == deployment.c.work_queue_id)
    .outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
    .outerjoin(concurrency_limit, concurrency_limit.c.id == deployment.c.concurrency_limit_id)
)
