"""A small world to filter: flows with deployments, runs, task runs, queues and pools.

It is told once, here. A row is known by its name; `id_of` makes its id from that.

- Flow *etl* is deployed as *nightly* (in queue *fast* of pool *docker*) and as *paused*.
  Its runs are *done* (of *nightly*, in queue *fast*) with the task runs *load* and *child*,
  and *failed* (of no deployment) with *crash*.
- Flow *report* has no deployment. Its run *sub* is a subflow of *done*, for which the task
  run *child* stands. Its run *planned* has not begun.
- Flow *idle* has nothing.
- Task run *lone* is in no flow run.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Table, select

from ephemeral_server.clock import SECOND, SystemClock
from ephemeral_server.database import Transaction, open_database
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.tables import (
    deployment,
    flow,
    flow_run,
    task_run,
    work_pool,
    work_queue,
)
from ephemeral_server.settings import Settings
from ephemeral_server.wire import dump
from tests.rows import filled

NOON = 1_767_268_800 * SECOND  # 2026-01-01 12:00 UTC
HOUR = 3600 * SECOND
AUTOMATION = "11111111-1111-4111-8111-111111111111"

#: The rows of a table that fit a condition, by name and sorted.
Fitting = Callable[[Table, Callable[[str], Clause]], list[str]]


def id_of(name: str) -> str:
    """The id of the row of this name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def fill(url: str) -> None:
    """Put the world into an empty database."""
    asyncio.run(_fill(url))


def fitting(url: str, table: Table, condition: Callable[[str], Clause]) -> list[str]:
    """The names of the rows that fit the condition for the database's dialect."""
    return asyncio.run(_fitting(url, table, condition))


async def _fill(url: str) -> None:
    database = await open_database(Settings(database_url=url), SystemClock(), lambda events: None)
    try:
        await database.write(_insert)
    finally:
        await database.close()


async def _fitting(url: str, table: Table, condition: Callable[[str], Clause]) -> list[str]:
    database = await open_database(Settings(database_url=url), SystemClock(), lambda events: None)
    try:
        return await database.read(_names, table, condition(database.dialect))
    finally:
        await database.close()


def _names(connection: Connection, table: Table, where: Clause) -> list[str]:
    return sorted(connection.execute(select(table.c.name).where(where)).scalars())


def _insert(tx: Transaction) -> None:
    def row(table: Table, name: str, **values: Any) -> None:
        values = {"id": id_of(name), "name": name, **values}
        tx.connection.execute(table.insert(), filled(table, values, NOON))

    def run(table: Table, name: str, type: str, tags: list[str], **values: Any) -> None:
        times = ("expected_start_time", "next_scheduled_start_time", "start_time", "end_time")
        row(
            table,
            name,
            tags=dump(tags),
            empirical_policy="{}",
            state_type=type,
            state_name=values.pop("state_name", type.title()),
            run_count=1,
            total_run_time=0,
            **{time: NOON + values.pop(time) * HOUR for time in times if time in values},
            **values,
        )

    def of_flow(name: str, type: str, tags: list[str], **values: Any) -> None:
        fixed = {"parameters": "{}", "context": "{}", "auto_scheduled": False}
        run(flow_run, name, type, tags, **fixed, **values)

    def of_task(name: str, type: str, tags: list[str], **values: Any) -> None:
        fixed = {"task_key": "t", "dynamic_key": name, "flow_run_run_count": 1, "task_inputs": "{}"}
        run(task_run, name, type, tags, **fixed, **values)

    row(flow, "etl", tags='["daily","data"]')
    row(flow, "report", tags='["data"]')
    row(flow, "idle", tags="[]")
    template = {"type": "docker", "base_job_template": "{}", "is_paused": False}
    row(work_pool, "docker", **template)
    row(work_pool, "process", **{**template, "type": "process"})
    for queue, pool in (("fast", "docker"), ("slow", "docker"), ("local", "process")):
        row(work_queue, queue, is_paused=False, priority=1, work_pool_id=id_of(pool))
    fixed = {"flow_id": id_of("etl"), "parameters": "{}", "job_variables": "{}"}
    row(
        deployment,
        "nightly",
        tags='["prod"]',
        paused=False,
        work_queue_name="fast",
        work_queue_id=id_of("fast"),
        **fixed,
    )
    row(deployment, "paused", tags="[]", paused=True, **fixed)
    of_flow(
        "done",
        "COMPLETED",
        ["prod", "data"],
        flow_id=id_of("etl"),
        deployment_id=id_of("nightly"),
        work_queue_id=id_of("fast"),
        work_queue_name="fast",
        flow_version="v1",
        idempotency_key="key",
        created_by=dump({"id": AUTOMATION, "type": "AUTOMATION", "display_value": "a"}),
        expected_start_time=0,
        start_time=1,
        end_time=2,
    )
    of_task("load", "COMPLETED", ["io"], flow_run_id=id_of("done"), start_time=1, end_time=2)
    of_task("child", "RUNNING", [], flow_run_id=id_of("done"), expected_start_time=1, start_time=1)
    of_flow("failed", "FAILED", ["data"], flow_id=id_of("etl"), expected_start_time=3, end_time=4)
    of_task("crash", "FAILED", ["io", "cpu"], flow_run_id=id_of("failed"), state_name="TimedOut")
    of_flow(
        "sub",
        "RUNNING",
        [],
        flow_id=id_of("report"),
        parent_task_run_id=id_of("child"),
        expected_start_time=1,
        start_time=1,
    )
    of_flow(
        "planned",
        "SCHEDULED",
        [],
        flow_id=id_of("report"),
        state_name="Late",
        expected_start_time=5,
        next_scheduled_start_time=5,
    )
    of_task("lone", "PENDING", [])
