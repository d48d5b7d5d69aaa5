"""Tasks: what they wait for, and what they take from each other."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.settings import PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW, temporary_settings

from tests.client.flows import add, two_ways
from tests.client.history import History
from tests.client.traffic import Traffic


def test_task_runs_are_recorded_from_what_the_client_reports(
    history: History, traffic: Traffic
) -> None:
    two_ways(2)
    run = history.flow_run()
    submitted, called = history.task_runs()
    for task_run in (submitted, called):
        assert history.state_names(task_run) == ["Pending", "Running", "Completed"]
        assert task_run.flow_run_id == run.id
        assert task_run.name.startswith("add-")
        assert task_run.task_inputs == {"a": [], "b": []}
        assert (task_run.run_count, task_run.flow_run_run_count, task_run.tags) == (1, 1, [])
        assert task_run.state_type is StateType.COMPLETED
        assert task_run.start_time is not None
        assert task_run.end_time is not None
        assert task_run.total_run_time == task_run.end_time - task_run.start_time
    reported = [name for name in traffic.event_names() if name.startswith("prefect.task-run.")]
    assert sorted(reported) == sorted(
        f"prefect.task-run.{state}" for state in ("Pending", "Running", "Completed") * 2
    )
    assert "POST /task_runs/" not in traffic.routes() - {"POST /task_runs/filter"}


def test_the_result_of_a_task_is_the_input_of_the_next(history: History) -> None:
    @flow
    def chain() -> int:
        first: Any = add.submit(1, 2)
        return add.submit(first, 3).result()

    assert chain() == 6
    first, second = history.task_runs()
    assert [given.model_dump()["id"] for given in second.task_inputs["a"]] == [first.id]
    assert second.task_inputs["b"] == []


def test_a_task_outside_of_any_flow_is_recorded(history: History, traffic: Traffic) -> None:
    with temporary_settings({PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore"}):
        assert add(1, 2) == 3
    run = history.task_run("add")
    assert run.flow_run_id is None
    assert history.state_names(run) == ["Pending", "Running", "Completed"]
    assert "POST /flow_runs/" not in traffic.routes()
