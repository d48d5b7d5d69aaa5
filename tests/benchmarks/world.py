"""A database with many runs in it, made quickly: what `tests.benchmarks.scale` asks about.

The same seed gives the same kind of world, whatever its size: fifty flows, one of which has a
quarter of the runs, runs over thirty days in states of all types, tags on half of the runs and on
ten of them, deployments, subflows, two task runs and ten logs for each run.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import insert

from ephemeral_server.clock import SECOND, SystemClock
from ephemeral_server.database import Transaction, open_database
from ephemeral_server.database.tables import (
    deployment,
    flow,
    flow_run,
    flow_run_state,
    log,
    task_run,
    task_run_state,
)
from ephemeral_server.ids import new_id, new_ids
from ephemeral_server.settings import Settings
from ephemeral_server.wire import dump

#: Midnight at the end of the thirty days, 2026-01-31 UTC, in microseconds since 1970.
END = 1_769_817_600 * SECOND
DAYS = 30
START = END - DAYS * 86_400 * SECOND

FLOWS = 50
DEPLOYMENTS = 100
TASK_RUNS = 2
LOGS = 10
#: So many runs are written in one transaction; subflows belong to runs of the one before.
CHUNK = 500

#: Types and names of states, and how often runs are in them.
STATES = {
    ("COMPLETED", "Completed"): 780,
    ("FAILED", "Failed"): 80,
    ("CRASHED", "Crashed"): 20,
    ("CANCELLED", "Cancelled"): 30,
    ("COMPLETED", "Cached"): 20,
    ("SCHEDULED", "Scheduled"): 20,
    ("SCHEDULED", "Late"): 10,
    ("SCHEDULED", "AwaitingRetry"): 5,
    ("PENDING", "Pending"): 10,
    ("RUNNING", "Running"): 15,
    ("PAUSED", "Paused"): 5,
    ("CANCELLING", "Cancelling"): 5,
}
#: Tags, and what part of the runs has each; besides them ``rare`` is on ten runs.
TAGS = {"frequent": 0.5, "weekly": 0.05}
RARE = 10

_POLICY = dump({"max_retries": 0, "retry_delay_seconds": 0.0, "retries": None})
_TABLES = (flow_run, flow_run_state, task_run, task_run_state, log)


class Known(NamedTuple):
    """What questions about the world name: the most used flow and deployment, any flow run."""

    flow_id: str
    flow_name: str
    deployment_id: str
    seldom_flow_id: str
    flow_run_id: str
    runs: int


def build(url: str, runs: int) -> Known:
    """Fill an empty database with so many runs and ten times as many logs."""
    return asyncio.run(_build(url, runs))


async def _build(url: str, runs: int) -> Known:
    settings = Settings(database_url=url, ephemeral=True)
    database = await open_database(settings, SystemClock(), lambda events: None)
    try:
        world = _World(runs)
        await database.write(_insert, {flow: world.flows, deployment: world.deployments})
        rows = world.runs()
        while chunk := list(islice(rows, CHUNK)):
            tables = {table: [row for run in chunk for row in run[table]] for table in _TABLES}
            await database.write(_insert, tables)
            world.parents = [row["id"] for row in tables[task_run][::7]]
    finally:
        await database.close()
    first, deployed = world.flows[0], world.deployments[0]
    return Known(
        first["id"], first["name"], deployed["id"], world.flows[-1]["id"], world.last_run, runs
    )


def _insert(tx: Transaction, rows: dict[Any, list[dict[str, Any]]]) -> None:
    for table, values in rows.items():
        tx.connection.execute(insert(table), values)


class _World:
    def __init__(self, runs: int) -> None:
        self._random = random.Random(7)
        self._count = runs
        self.last_run = ""
        self.parents: list[str] = []
        self.flows: list[dict[str, Any]] = [
            {"id": self._id(START), **_times(START), "name": f"flow-{n}", "tags": "[]"}
            for n in range(FLOWS)
        ]
        self.deployments: list[dict[str, Any]] = [
            {
                "id": self._id(START),
                **_times(START),
                "name": f"deployment-{n}",
                "flow_id": self.flows[n % FLOWS]["id"],
                "paused": False,
                "tags": "[]",
                "parameters": "{}",
                "job_variables": "{}",
                "enforce_parameter_schema": True,
                "status": "NOT_READY",
                "to_be_planned": False,
            }
            for n in range(DEPLOYMENTS)
        ]

    def runs(self) -> Iterator[dict[Any, list[dict[str, Any]]]]:
        """The rows of each run and of what belongs to it, by table."""
        step = (END - START) // self._count
        for number in range(self._count):
            yield self._run(START + number * step, rare=number % (self._count // RARE) == 0)

    def _run(self, created: int, rare: bool) -> dict[Any, list[dict[str, Any]]]:
        draw = self._random
        number = 0 if draw.random() < 0.25 else draw.randrange(DEPLOYMENTS)
        deployed = self.deployments[number]
        expected = created + draw.randrange(0, 7200 * SECOND)
        run_id = self.last_run = self._id(created)
        tags = [tag for tag, often in TAGS.items() if draw.random() < often]
        parent = draw.choice(self.parents) if self.parents and draw.random() < 0.1 else None
        run = {
            **self._base(run_id, created, f"run-{draw.randrange(10**6)}"),
            "flow_id": deployed["flow_id"],
            "deployment_id": deployed["id"] if draw.random() < 0.9 else None,
            "tags": dump([*tags, "rare"] if rare else tags),
            "parameters": dump({"date": "2026-01-01", "size": number}),
            "context": "{}",
            "auto_scheduled": draw.random() < 0.7,
            "job_variables": "{}",
            "labels": dump({"prefect.flow.id": deployed["flow_id"]}),
            "parent_task_run_id": parent,
        }
        states = self._states(run, expected, "flow_run_id")
        tasks, task_states = [], []
        for place in range(TASK_RUNS):
            task = {
                **self._base(self._id(created + place), created, f"task-{place}"),
                "flow_run_id": run_id,
                "tags": "[]",
                "task_key": f"task-{place}",
                "dynamic_key": "0",
                "flow_run_run_count": 1,
                "task_inputs": "{}",
            }
            task_states += self._states(task, expected + place * SECOND, "task_run_id")
            tasks.append(task)
        return {
            flow_run: [run],
            flow_run_state: states,
            task_run: tasks,
            task_run_state: task_states,
            log: self._logs(run_id, tasks[0]["id"], expected),
        }

    def _base(self, id: str, created: int, name: str) -> dict[str, Any]:
        return {"id": id, **_times(created), "name": name, "empirical_policy": _POLICY}

    def _states(self, run: dict[str, Any], expected: int, owner: str) -> list[dict[str, Any]]:
        """Give a run what a state of some type says; that state, and the first one."""
        type_, name = self._random.choices(list(STATES), list(STATES.values()))[0]
        began = expected + self._random.randrange(60 * SECOND)
        took = self._random.randrange(600 * SECOND)
        begun = type_ not in ("SCHEDULED", "PENDING")
        ended = type_ in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        at = began + took if ended else began
        states = [
            {
                "id": self._id(when),
                owner: run["id"],
                "timestamp": when,
                "type": kind,
                "name": called,
                "message": None,
                "state_details": "{}",
                "data": None,
            }
            for when, kind, called in (
                (run["created"] - 1, "PENDING", "Pending"),
                (at, type_, name),
            )
        ]
        run |= {
            "state_id": states[-1]["id"],
            "state_type": type_,
            "state_name": name,
            "state_timestamp": at,
            "run_count": int(begun),
            "expected_start_time": expected,
            "next_scheduled_start_time": expected if type_ == "SCHEDULED" else None,
            "start_time": began if begun else None,
            "end_time": at if ended else None,
            "total_run_time": took if ended else 0,
        }
        return states

    def _logs(self, run_id: str, task_id: str, began: int) -> list[dict[str, Any]]:
        return [
            {
                "id": id,
                **_times(began),
                "name": "prefect.flow_runs",
                "level": 40 if place == LOGS - 1 else 20,
                "flow_run_id": run_id,
                "task_run_id": task_id if place % 2 else None,
                "message": f"line {place} of what a run says while it works",
                "timestamp": began + place * SECOND,
            }
            for place, id in enumerate(new_ids(LOGS, began))
        ]

    def _id(self, at: int) -> str:
        head = new_id(at)[:18]
        tail = str(uuid.UUID(int=self._random.getrandbits(128)))
        return f"{head}-8{tail[20:]}"


def _times(at: int) -> dict[str, int]:
    return {"created": at, "updated": at}
