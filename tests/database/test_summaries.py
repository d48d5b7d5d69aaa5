"""What SQLite keeps beside flow runs is what a look at every run would say."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from ephemeral_server.clock import SECOND
from ephemeral_server.database import Transaction
from ephemeral_server.database.tables import (
    flow,
    flow_run,
    flow_run_count,
    flow_run_ended,
    flow_run_tag,
    flow_run_tag_count,
)
from ephemeral_server.database.tables.summaries import HOUR, MINUTE
from ephemeral_server.orchestration.states import TERMINAL
from ephemeral_server.settings import Settings
from tests.application import Application
from tests.leaks import LeakGuard
from tests.rows import filled

STATES = ("SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED")
TAGS = ("a", "b", "ü", 'with "quotes"', "")


@pytest.fixture(scope="module")
def sqlite_application(
    tmp_path_factory: pytest.TempPathFactory, leak_guard: LeakGuard
) -> Iterator[Application]:
    """An application on a SQLite database of this module."""
    file: Path = tmp_path_factory.mktemp("summaries") / "server.db"
    with leak_guard.adopt():
        settings = Settings(database_url=f"sqlite+aiosqlite:///{file}", ephemeral=True)
        application = Application(settings)
        with application.running():
            yield application


@pytest.fixture
def application(sqlite_application: Application) -> Application:
    """The same without any flow."""

    def clear(tx: Transaction) -> None:
        tx.connection.execute(delete(flow))

    sqlite_application.write(clear)
    return sqlite_application


def kept(connection: Connection) -> dict[str, Counter[Any]]:
    """The summaries as they are."""
    counts = connection.execute(select(flow_run_count)).all()
    tags = connection.execute(select(flow_run_tag_count)).all()
    ended = connection.execute(select(flow_run_ended)).all()
    return {
        "counts": Counter({tuple(row[:-1]): row[-1] for row in counts}),
        "tagged": Counter(map(tuple, connection.execute(select(flow_run_tag)))),
        "tags": Counter({row.tag: row.runs for row in tags}),
        "ended": Counter({tuple(row[:-3]): row[-3:] for row in map(tuple, ended)}),
    }


def true(connection: Connection) -> dict[str, Counter[Any]]:
    """What they have to be."""
    runs = connection.execute(select(flow_run)).all()
    tagged = Counter((tag, run.id) for run in runs for tag in set(json.loads(run.tags)))
    sums: dict[Any, tuple[int, int, int]] = {}
    for run in runs:
        expected = run.expected_start_time
        if run.state_type in TERMINAL and expected is not None:
            late = max(run.start_time - expected, 0) if run.start_time is not None else 0
            name = run.state_name or ""
            for flow_id, width in (("", HOUR), ("", MINUTE), (run.flow_id, HOUR)):
                key = (flow_id, width, expected // width * width, run.state_type, name)
                count, time, lateness = sums.get(key, (0, 0, 0))
                sums[key] = (count + 1, time + run.total_run_time, lateness + late)
    return {
        "counts": Counter(
            tuple(
                value or ""
                for value in (run.flow_id, run.deployment_id, run.state_type, run.state_name)
            )
            for run in runs
        ),
        "tagged": tagged,
        "tags": Counter(tag for tag, _ in tagged),
        "ended": Counter(sums),
    }


def check(application: Application) -> None:
    assert application.read(kept) == application.read(true)


def some_run(draw: random.Random, flow_ids: list[str]) -> dict[str, Any]:
    """Values of a flow run, some of which may be missing."""
    type_ = draw.choice(STATES) if draw.random() < 0.9 else None
    expected = draw.randrange(-3 * HOUR, 3 * HOUR) if draw.random() < 0.9 else None
    return {
        "flow_id": draw.choice(flow_ids),
        "deployment_id": draw.choice([None, str(uuid4())]),
        "tags": json.dumps(draw.choices(TAGS, k=draw.randrange(4))),
        "state_type": type_,
        "state_name": type_ and draw.choice([type_.capitalize(), "Late"]),
        "expected_start_time": expected,
        "start_time": draw.randrange(-3 * HOUR, 3 * HOUR) if draw.random() < 0.7 else None,
        "total_run_time": draw.randrange(100 * SECOND),
    }


@pytest.mark.parametrize("seed", range(3))
def test_they_follow_whatever_happens_to_runs(application: Application, seed: int) -> None:
    draw = random.Random(seed)
    flow_ids = [application.insert(flow) for _ in range(2)]
    ids: list[str] = []

    def step(tx: Transaction) -> None:
        execute = tx.connection.execute
        action = draw.choice(("insert", "insert", "update", "part", "delete"))
        if action == "insert" or not ids:
            row = {"id": str(uuid4()), **some_run(draw, flow_ids)}
            ids.append(row["id"])
            execute(insert(flow_run), filled(flow_run, row, tx.now()))
        elif action == "delete":
            execute(delete(flow_run).where(flow_run.c.id == ids.pop(draw.randrange(len(ids)))))
        else:
            values = some_run(draw, flow_ids)
            if action == "part":
                name = draw.choice([*values])
                values = {name: values[name]}
            execute(update(flow_run).where(flow_run.c.id == draw.choice(ids)).values(values))

    for _ in range(60):
        application.write(step)
    check(application)
    assert application.read(kept)["counts"]


def test_they_are_empty_when_the_flows_are_gone(application: Application) -> None:
    flow_id = application.insert(flow)
    for type_ in STATES:
        application.insert(
            flow_run, flow_id=flow_id, tags='["a"]', state_type=type_, expected_start_time=1
        )

    assert application.delete(f"/flows/{flow_id}").status_code == 204

    assert not any(application.read(kept).values())


def test_what_is_rolled_back_is_not_counted(application: Application) -> None:
    row = {"flow_id": application.insert(flow), "tags": '["a"]', "state_type": "FAILED"}
    application.insert(flow_run, **row, expected_start_time=1)
    before = application.read(kept)

    class Undone(Exception):
        pass

    def work(tx: Transaction) -> None:
        tx.connection.execute(
            insert(flow_run), filled(flow_run, {**row, "id": str(uuid4())}, tx.now())
        )
        tx.connection.execute(delete(flow_run).where(flow_run.c.tags == '["a"]'))
        raise Undone

    with pytest.raises(Undone):
        application.write(work)

    assert application.read(kept) == before
    check(application)


def test_they_follow_the_routes(application: Application) -> None:
    flow_id = application.post("/flows/", {"name": "etl"}).json()["id"]
    for tags in ([], ["a"], ["a", "b", "a"]):
        body = {"flow_id": flow_id, "tags": tags, "state": {"type": "PENDING"}}
        id = application.post("/flow_runs/", body).json()["id"]
        for type_ in ("RUNNING", "COMPLETED"):
            application.post(f"/flow_runs/{id}/set_state", {"state": {"type": type_}})
        check(application)
    application.patch(f"/flow_runs/{id}", {"tags": ["b", "c"]})
    check(application)
    application.post("/flow_runs/bulk_delete", {})
    assert not any(application.read(kept).values())
