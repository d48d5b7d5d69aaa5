"""Orders of flow runs and task runs: the same on both databases, and without ties."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.orchestration.runs import Run, Runs

Make: TypeAlias = Callable[..., Run]

#: The names of the runs in each order.
BOTH = {
    "ID_DESC": "d C a b",
    "EXPECTED_START_TIME_ASC": "b d C a",
    "EXPECTED_START_TIME_DESC": "a C d b",
    "NAME_ASC": "C a b d",
    "NAME_DESC": "d b a C",
    "NEXT_SCHEDULED_START_TIME_ASC": "b C d a",
    "END_TIME_DESC": "C d a b",
}
#: By the start, or by when it is expected.
OF_FLOW_RUNS = {"START_TIME_ASC": "b C d a", "START_TIME_DESC": "a d C b"}


def make_runs(runs: Runs, make: Make) -> None:
    """Four runs, one second apart; only one of them has begun and ended."""
    at = {name: runs.now(seconds) for name, seconds in (("d", 50), ("C", 60), ("a", 100))}
    make("PENDING", name="b")
    runs.clock.advance(1)
    make("SCHEDULED", name="a", state_scheduled_time=at["a"])
    runs.clock.advance(1)
    begun = make("SCHEDULED", name="C", state_scheduled_time=at["C"])
    runs.clock.advance(1)
    for type in ("RUNNING", "COMPLETED"):
        begun.propose(type, force=True)
    make("SCHEDULED", name="d", state_scheduled_time=at["d"])


@pytest.mark.parametrize(("sort", "names"), [*BOTH.items(), *OF_FLOW_RUNS.items()])
def test_flow_runs_are_sorted(runs: Runs, sort: str, names: str) -> None:
    make_runs(runs, runs.flow_run)
    body = {"flows": {"id": {"any_": [runs.flow_id]}}, "sort": sort}

    listed = runs.application.post("/flow_runs/filter", body).json()
    paged = runs.application.post("/flow_runs/paginate", body).json()["results"]

    assert " ".join(run["name"] for run in listed) == names
    assert [run["id"] for run in paged] == [run["id"] for run in listed]


@pytest.mark.parametrize(("sort", "names"), BOTH.items())
def test_task_runs_are_sorted(runs: Runs, sort: str, names: str) -> None:
    flow_run = runs.flow_run("RUNNING").id
    make_runs(runs, lambda *args, **given: runs.task_run(*args, flow_run_id=flow_run, **given))
    body = {"flow_runs": {"id": {"any_": [flow_run]}}, "sort": sort}

    listed = runs.application.post("/task_runs/filter", body).json()
    paged = runs.application.post("/task_runs/paginate", body).json()["results"]

    assert " ".join(run["name"] for run in listed) == names
    assert [run["id"] for run in paged] == [run["id"] for run in listed]


@pytest.mark.parametrize("kind", ["flow_runs", "task_runs"])
def test_pages_neither_repeat_nor_leave_out_what_is_equal(runs: Runs, kind: str) -> None:
    flow_run = runs.flow_run("RUNNING", name="same").id
    made = {flow_run} if kind == "flow_runs" else set()
    for _ in range(4):
        if kind == "flow_runs":
            made.add(runs.flow_run(name="same").id)
        else:
            made.add(runs.task_run(name="same", flow_run_id=flow_run).id)
    body = {"flows": {"id": {"any_": [runs.flow_id]}}, "sort": "NAME_ASC", "limit": 2}

    pages = [
        runs.application.post(f"/{kind}/paginate", {**body, "page": page}).json()["results"]
        for page in (1, 2, 3)
    ]

    ids = [run["id"] for page in pages for run in page]
    assert len(ids) == len(made)
    assert set(ids) == made
