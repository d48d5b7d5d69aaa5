"""A database of deployments with schedules, ten planned runs for each, in one work pool.

It is the same whatever its size: the runs of the first `DUE` deployments begin at `NOW`, those of
the others are spread over the days after it.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from sqlalchemy import insert, text

from ephemeral_server.clock import SECOND, ManualClock, isoformat
from ephemeral_server.database import Transaction, open_database
from ephemeral_server.database.tables import (
    deployment,
    deployment_schedule,
    flow,
    flow_run,
    flow_run_state,
    work_pool,
    work_queue,
)
from ephemeral_server.ids import new_id, new_ids
from ephemeral_server.orchestration.states import scheduled
from ephemeral_server.settings import Settings
from ephemeral_server.wire import dump
from tests.rows import filled

#: 2026-02-01 UTC, in microseconds since 1970.
NOW = 1_769_904_000 * SECOND
RUNS = 10
DUE = 20
QUEUES = 10
POOL = "all"
_DAY = 86_400 * SECOND
_CHUNK = 500


class Known(NamedTuple):
    """What questions about the world name: all its deployments, those with due runs first."""

    deployment_ids: list[str]


def build(url: str, deployments: int, *, planned: bool = True) -> Known:
    """Fill an empty database.

    Args:
        planned: whether the schedules have planned their runs.
    """
    return asyncio.run(_build(url, deployments, planned))


async def _build(url: str, deployments: int, planned: bool) -> Known:
    settings = Settings(database_url=url, ephemeral=True)
    database = await open_database(settings, ManualClock(NOW), lambda events: None)
    try:
        queue_ids = await database.write(_pool)
        flow_id = new_id(NOW)
        await database.write(_insert, {flow: [{"id": flow_id}]})
        ids = new_ids(deployments, NOW)
        for start in range(0, deployments, _CHUNK):
            rows: dict[Any, list[dict[str, Any]]] = {
                table: [] for table in (deployment, deployment_schedule, flow_run, flow_run_state)
            }
            for number in range(start, min(start + _CHUNK, deployments)):
                queue_id = queue_ids[number % QUEUES]
                _deployment(rows, ids[number], number, flow_id, queue_id, planned)
            await database.write(_insert, rows)
        if database.dialect == "postgresql":  # which it does by itself after a while
            await database.write(lambda tx: tx.connection.execute(text("ANALYZE")))
    finally:
        await database.close()
    return Known(ids)


def _pool(tx: Transaction) -> list[str]:
    pool_id = new_id(NOW)
    ids = new_ids(QUEUES, NOW)
    queues = [
        {"id": id, "name": f"queue-{number}", "priority": number + 1, "work_pool_id": pool_id}
        for number, id in enumerate(ids)
    ]
    pool = {"id": pool_id, "name": POOL, "default_queue_id": ids[0]}
    _insert(tx, {work_pool: [pool], work_queue: queues})
    return ids


def _insert(tx: Transaction, rows: dict[Any, list[dict[str, Any]]]) -> None:
    for table, values in rows.items():
        if values:
            tx.connection.execute(insert(table), [filled(table, row, NOW) for row in values])


def _deployment(
    rows: dict[Any, list[dict[str, Any]]],
    id: str,
    number: int,
    flow_id: str,
    queue_id: str,
    planned: bool,
) -> None:
    schedule_id = new_id(NOW)
    first = NOW if number < DUE else NOW + _DAY + number * SECOND
    own = {"flow_id": flow_id, "work_queue_id": queue_id}
    schedule = {"interval": 86_400, "anchor_date": isoformat(first), "timezone": "UTC"}
    rows[deployment].append({"id": id, **own})
    rows[deployment_schedule].append(
        {"id": schedule_id, "deployment_id": id, "schedule": dump(schedule)}
    )
    for place, run_id in enumerate(new_ids(RUNS, NOW) if planned else ()):
        at = first + place * _DAY
        state = scheduled(at, NOW)
        run = {
            "id": run_id,
            "deployment_id": id,
            "schedule_id": schedule_id,
            "idempotency_key": f"scheduled {id} {schedule_id} {place}",
            "auto_scheduled": True,
            "state_id": state.id,
            "state_type": state.type,
            "state_name": state.name,
            "state_timestamp": NOW,
            "expected_start_time": at,
            "next_scheduled_start_time": at,
        }
        rows[flow_run].append({**run, **own})
        rows[flow_run_state].append(
            {
                "id": state.id,
                "flow_run_id": run_id,
                "timestamp": NOW,
                "type": state.type,
                "name": state.name,
                "state_details": state.details_text(),
            }
        )
