"""Real flows, and what the server knows of them afterwards."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from prefect import flow, tags, task
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ParameterTypeError

from tests.client.flows import two_ways
from tests.client.history import History
from tests.client.traffic import Traffic


def test_a_flow_run_is_recorded_from_pending_to_completed(history: History) -> None:
    assert two_ways(2) == 7
    run = history.flow_run()
    assert (run.state_type, run.state_name) == (StateType.COMPLETED, "Completed")
    assert history.state_names(run) == ["Pending", "Running", "Completed"]
    assert run.parameters == {"x": 2}
    assert run.labels == {"prefect.flow.id": str(run.flow_id)}
    assert (run.run_count, run.tags, run.parent_task_run_id) == (1, [], None)
    assert len(run.name.split("-")) == 2
    assert history.client.read_flow(run.flow_id).name == "two-ways"


def test_the_times_of_a_flow_run_are_those_of_its_states(history: History) -> None:
    two_ways(2)
    run = history.flow_run()
    pending, running, completed = (state.timestamp for state in history.states(run))
    assert pending == run.expected_start_time
    assert (running, completed) == (run.start_time, run.end_time)
    assert run.total_run_time == completed - running > timedelta(0)
    assert run.estimated_start_time_delta == running - pending


def test_a_flow_that_was_run_before_is_known(history: History, traffic: Traffic) -> None:
    two_ways(1)
    two_ways(2)
    first, second = history.flow_runs()
    assert first.flow_id == second.flow_id
    assert first.id != second.id
    assert traffic.statuses("POST /flows/") == [201, 200]


def test_an_async_flow_takes_its_name_from_its_template(history: History, traffic: Traffic) -> None:
    @task
    async def double(n: int) -> int:
        await asyncio.sleep(0)
        return 2 * n

    @flow(flow_run_name="run-{n}")
    async def named(n: int) -> int:
        return sum(await asyncio.gather(double(n), double(n + 1)))

    assert asyncio.run(named(4)) == 18
    run = history.flow_run()
    assert run.name == "run-4"
    assert [task_run.state_name for task_run in history.task_runs()] == ["Completed"] * 2
    assert traffic.statuses("PATCH /flow_runs/{id}") == [204]
    assert history.messages(run)[0] == "Beginning flow run 'run-4' for flow 'named'"


def test_an_async_flow_awaits_its_tasks_in_both_ways(history: History) -> None:
    @task
    async def double(n: int) -> int:
        await asyncio.sleep(0)
        return 2 * n

    @flow
    async def sums() -> int:
        submitted: Any = double.submit(1)
        return int(submitted.result()) + await double(2)

    assert asyncio.run(sums()) == 6
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Running", "Completed"]
    for task_run in history.task_runs(run):
        assert history.state_names(task_run) == ["Pending", "Running", "Completed"]
    assert len(history.task_runs(run)) == 2


def test_what_a_flow_is_called_is_kept(history: History) -> None:
    @flow(name="a flow: ☃", version="7", description="Does nothing.")
    def described() -> None:
        pass

    described()
    run = history.flow_run()
    assert run.flow_version == "7"
    assert history.client.read_flow(run.flow_id).name == "a flow: ☃"


def test_tags_around_a_flow_run_are_kept(history: History) -> None:
    @flow
    def tagged() -> None:
        pass

    with tags("nightly", "cheap"):
        tagged()
    assert sorted(history.flow_run().tags) == ["cheap", "nightly"]


def test_parameters_of_every_kind_are_kept(history: History) -> None:
    given = {
        "text": "☃",
        "number": 2**60,
        "real": 0.1,
        "nothing": None,
        "nested": {"list": [1, [2, {"deep": True}]]},
    }

    @flow
    def takes(given: dict[str, object]) -> None:
        pass

    takes(given)
    assert history.flow_run().parameters == {"given": given}


def test_a_flow_that_refuses_its_parameters_never_runs(
    history: History, traffic: Traffic, caplog: pytest.LogCaptureFixture
) -> None:
    @flow
    def typed(n: int) -> int:
        return n

    refused: Any = "x"
    with pytest.raises(ParameterTypeError, match="valid integer"):
        typed(refused)
    assert "Parameter validation failed for flow 'typed'" in caplog.text
    caplog.clear()  # the only complaint that is right
    run = history.flow_run()
    assert run.state is not None
    assert history.state_names(run) == ["Pending", "Failed"]
    assert str(run.state.message).startswith("Validation of flow parameters failed with error")
    assert (run.run_count, run.parameters) == (0, {"n": "x"})
    assert run.start_time == run.end_time
    assert traffic.transitions() == [("Failed", "ACCEPT", "Failed")]
