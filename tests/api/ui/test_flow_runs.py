"""What pages ask about flow runs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.application import Application
from tests.orchestration.runs import Run, Runs


def _history(*which: Run, **query: Any) -> list[dict[str, Any]]:
    body = {"flow_runs": {"id": {"any_": [run.id for run in which]}}, **query}
    reply = which[0].application.post("/ui/flow_runs/history", body)
    assert reply.status_code == 200, reply.text
    answer: list[dict[str, Any]] = reply.json()
    return answer


def test_a_run_is_shown_by_when_it_began_and_how_long_and_late_it_is(runs: Runs) -> None:
    begun = runs.now()
    running = runs.flow_run("RUNNING")
    runs.clock.advance(2.5)
    overdue = runs.flow_run("SCHEDULED", state_scheduled_time=runs.now(-1.5))

    found = {each["id"]: each for each in _history(running, overdue)}

    assert found[running.id] == {
        "id": running.id,
        "state_type": "RUNNING",
        "timestamp": begun,
        "duration": 2.5,
        "lateness": 0.0,
    }
    assert found[overdue.id] == {
        "id": overdue.id,
        "state_type": "SCHEDULED",
        "timestamp": runs.now(-1.5),
        "duration": 0.0,
        "lateness": 1.5,
    }


def test_the_runs_expected_last_come_first(runs: Runs) -> None:
    several = [runs.flow_run("SCHEDULED", state_scheduled_time=runs.now(n)) for n in (2, 3, 1)]

    latest, middle, first = (several[place].id for place in (1, 0, 2))

    assert [each["id"] for each in _history(*several)] == [latest, middle, first]
    page = _history(*several, limit=1, offset=1)
    assert [each["id"] for each in page] == [middle]
    by_time = _history(*several, sort="EXPECTED_START_TIME_ASC")
    assert [each["id"] for each in by_time] == [first, middle, latest]


def test_a_run_without_any_time_is_not_shown(runs: Runs) -> None:
    assert _history(runs.stateless_flow_run()) == []


@pytest.mark.parametrize("limit", [-1, 1001])
def test_a_limit_out_of_range_is_refused(application: Application, limit: int) -> None:
    reply = application.post("/ui/flow_runs/history", {"limit": limit})

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"] == ["body", "limit"]


def test_without_a_body_all_runs_are_shown(runs: Runs) -> None:
    run = runs.flow_run("SCHEDULED", state_scheduled_time="9000-01-01T00:00:00Z")

    assert runs.application.post("/ui/flow_runs/history").json()[0]["id"] == run.id


def test_task_runs_are_counted_without_those_that_stand_for_subflows(runs: Runs) -> None:
    first, second, nobody = runs.flow_run("RUNNING"), runs.flow_run("RUNNING"), str(uuid4())
    runs.task_run(flow_run_id=first.id)
    runs.task_run(flow_run_id=first.id)
    placeholder = runs.task_run(flow_run_id=first.id)
    runs.flow_run(parent_task_run_id=placeholder.id)

    body = {"flow_run_ids": [first.id, second.id, nobody]}
    reply = runs.application.post("/ui/flow_runs/count-task-runs", body)

    assert reply.json() == {first.id: 2, second.id: 0, nobody: 0}
