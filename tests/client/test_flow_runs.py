"""Real flows, and what the server knows of them afterwards."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from prefect import flow, get_run_logger, tags, task
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW, temporary_settings

from tests.client.history import History
from tests.client.traffic import Traffic

SET_STATE = "POST /flow_runs/{id}/set_state"


@task
def add(a: int, b: int) -> int:
    return a + b


@flow(name="two-ways")
def two_ways(x: int) -> int:
    """Calls its task in both ways: in the background and directly."""
    return add.submit(x, 1).result() + add(x, 2)


def test_a_flow_run_is_recorded_from_pending_to_completed(history: History) -> None:
    assert two_ways(x=2) == 7
    run = history.flow_run()
    assert (run.state_type, run.state_name) == (StateType.COMPLETED, "Completed")
    assert history.state_names(run) == ["Pending", "Running", "Completed"]
    assert run.parameters == {"x": 2}
    assert run.labels == {"prefect.flow.id": str(run.flow_id)}
    assert (run.run_count, run.tags, run.parent_task_run_id) == (1, [], None)
    assert len(run.name.split("-")) == 2
    with history.client as client:
        assert client.read_flow(run.flow_id).name == "two-ways"


def test_the_times_of_a_flow_run_are_those_of_its_states(history: History) -> None:
    two_ways(x=2)
    run = history.flow_run()
    pending, running, completed = (state.timestamp for state in history.states(run))
    assert pending == run.expected_start_time
    assert (running, completed) == (run.start_time, run.end_time)
    assert run.total_run_time == completed - running > timedelta(0)
    assert run.estimated_start_time_delta == running - pending


def test_task_runs_are_recorded_from_what_the_client_reports(
    history: History, traffic: Traffic
) -> None:
    two_ways(x=2)
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


def test_the_log_tells_what_flow_and_tasks_did(history: History) -> None:
    two_ways(x=2)
    run = history.flow_run()
    submitted, called = history.task_runs()
    log = history.logs(run.id)
    assert [entry.message for entry in log] == [
        f"Beginning flow run {run.name!r} for flow 'two-ways'",
        "Finished in state Completed()",
        "Finished in state Completed()",
        "Finished in state Completed()",
    ]
    assert [entry.task_run_id for entry in log] == [None, submitted.id, called.id, None]
    assert {entry.level for entry in log} == {logging.INFO}
    assert [entry.name for entry in log] == [
        "prefect.flow_runs",
        "prefect.task_runs",
        "prefect.task_runs",
        "prefect.flow_runs",
    ]


def test_what_a_flow_logs_is_kept_with_its_level_and_text(history: History) -> None:
    @flow
    def talkative() -> None:
        logger = get_run_logger()
        logger.debug("quiet")
        logger.warning("Grüße aus Zürich: %s", "☃ 🎉")
        logger.error("two\nlines")

    with_debug = logging.getLogger("prefect.flow_runs").isEnabledFor(logging.DEBUG)
    talkative()
    said = [(entry.level, entry.message) for entry in history.logs(history.flow_run().id)][1:-1]
    assert said == [
        *([(logging.DEBUG, "quiet")] if with_debug else []),
        (logging.WARNING, "Grüße aus Zürich: ☃ 🎉"),
        (logging.ERROR, "two\nlines"),
    ]


def test_a_short_flow_asks_for_nothing_but_the_known_routes(
    history: History, traffic: Traffic
) -> None:
    two_ways(x=2)
    traffic.settle()
    assert traffic.routes() == {
        "GET /admin/version",
        "GET /csrf-token",
        "POST /flows/",
        "POST /flow_runs/",
        SET_STATE,
        "GET /flow_runs/{id}",
        "GET /admin/storage",
        "WEBSOCKET /events/in",
        "GET /flows/{id}",
        "POST /logs/",
    }
    assert traffic.statuses("POST /flows/") == traffic.statuses("POST /flow_runs/") == [201]
    assert traffic.statuses(SET_STATE) == [201, 201]
    assert "prefect.flow-run.heartbeat" in traffic.event_names()


def test_a_flow_that_was_run_before_is_known(history: History, traffic: Traffic) -> None:
    two_ways(x=1)
    two_ways(x=2)
    first, second = history.flow_runs()
    assert first.flow_id == second.flow_id
    assert first.id != second.id
    assert traffic.statuses("POST /flows/") == [201, 200]


def test_a_failing_flow_is_recorded_with_its_error(history: History) -> None:
    @task
    def refuse() -> None:
        raise ValueError("no")

    @flow(name="failing")
    def failing() -> None:
        refuse()

    with pytest.raises(ValueError, match="no"):
        failing()
    run = history.flow_run()
    assert run.state is not None
    assert history.state_names(run) == ["Pending", "Running", "Failed"]
    assert run.state.message == "Flow run encountered an exception: ValueError: no"
    assert run.end_time is not None
    refused = history.task_run("refuse")
    assert refused.state is not None
    assert history.state_names(refused) == ["Pending", "Running", "Failed"]
    assert refused.state.message == "Task run encountered an exception ValueError: no"
    assert refused.state.state_details.retriable is False
    errors = [entry for entry in history.logs(run.id) if entry.level == logging.ERROR]
    assert any("Traceback" in entry.message for entry in errors)
    assert any("ValueError: no" in entry.message for entry in errors)


def test_the_error_of_a_failed_flow_can_be_read_back(history: History) -> None:
    @flow(persist_result=True)
    def failing() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        failing()
    state = history.flow_run().state
    assert state is not None
    with pytest.raises(ValueError, match="no"):
        asyncio.run(state.aresult())


def test_a_retried_flow_waits_and_runs_again(history: History, traffic: Traffic) -> None:
    tries: list[int] = []

    @flow(retries=1, retry_delay_seconds=1)
    def flaky() -> int:
        tries.append(len(tries))
        if len(tries) == 1:
            raise ValueError("not yet")
        return add(1, 2)

    assert flaky() == 3
    run = history.flow_run()
    assert history.state_names(run) == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Running",
        "Completed",
    ]
    assert (run.run_count, len(tries)) == (2, 2)
    assert run.empirical_policy.retries == 1
    assert run.empirical_policy.retry_delay == 1
    _, first, waiting, second, _ = history.states(run)
    assert waiting.state_details.scheduled_time is not None
    assert second.timestamp >= waiting.state_details.scheduled_time
    assert second.timestamp - first.timestamp >= timedelta(seconds=1)
    assert traffic.statuses(SET_STATE) == [201, 201, 200, 201, 201]
    assert history.task_run("add").flow_run_run_count == 2


def test_a_retried_task_stays_one_task_run(history: History) -> None:
    tries: list[int] = []

    @task(retries=2)
    def flaky() -> int:
        tries.append(len(tries))
        if len(tries) < 3:
            raise ValueError("not yet")
        return len(tries)

    @flow
    def patient() -> int:
        return flaky()

    assert patient() == 3
    run = history.task_run("flaky")
    assert history.state_names(run) == ["Pending", "Running", "Retrying", "Retrying", "Completed"]
    assert run.run_count == 3
    assert run.empirical_policy.retries == 2
    assert history.flow_run().run_count == 1


def test_a_subflow_is_the_child_of_a_task_run_that_mirrors_its_state(
    history: History, traffic: Traffic
) -> None:
    @flow(name="child")
    def child(n: int) -> int:
        return add(n, 1)

    @flow(name="parent")
    def parent() -> int:
        return child(4)

    assert parent() == 5
    outer, inner = history.flow_runs()
    (wrapper,) = history.task_runs(outer)
    assert inner.parent_task_run_id == wrapper.id
    assert wrapper.name == "child-0"
    assert wrapper.flow_run_id == outer.id
    # It is made in one state before the subflow is, and mirrors all of the subflow's.
    assert history.state_names(wrapper) == ["Pending", *history.state_names(inner)]
    assert wrapper.state is not None
    assert wrapper.state.state_details.child_flow_run_id == inner.id
    assert inner.state is not None
    assert inner.state.state_details.task_run_id == wrapper.id
    # Its states are copies, made in the same transactions, with timestamps of their own.
    assert wrapper.start_time is not None
    assert wrapper.end_time is not None
    assert inner.start_time is not None
    assert inner.end_time is not None
    assert timedelta(0) <= wrapper.start_time - inner.start_time < timedelta(seconds=1)
    assert timedelta(0) <= wrapper.end_time - inner.end_time < timedelta(seconds=1)
    assert [run.flow_run_id for run in history.task_runs(inner)] == [inner.id]
    assert traffic.statuses("POST /task_runs/") == [201]


def test_a_failing_subflow_fails_its_wrapper_too(history: History) -> None:
    @flow
    def child() -> None:
        raise ValueError("no")

    @flow
    def parent() -> str:
        return str(child(return_state=True).type.value)

    assert parent() == "FAILED"
    outer, inner = history.flow_runs()
    (wrapper,) = history.task_runs(outer)
    assert (outer.state_name, inner.state_name, wrapper.state_name) == (
        "Completed",
        "Failed",
        "Failed",
    )


def test_the_result_of_a_task_is_the_input_of_the_next(history: History) -> None:
    @flow
    def chain() -> int:
        first: Any = add.submit(1, 2)
        return add.submit(first, 3).result()

    assert chain() == 6
    first, second = history.task_runs()
    assert [given.model_dump()["id"] for given in second.task_inputs["a"]] == [first.id]
    assert second.task_inputs["b"] == []


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


def test_a_task_outside_of_any_flow_is_recorded(history: History, traffic: Traffic) -> None:
    with temporary_settings({PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore"}):
        assert add(1, 2) == 3
    run = history.task_run("add")
    assert run.flow_run_id is None
    assert history.state_names(run) == ["Pending", "Running", "Completed"]
    assert "POST /flow_runs/" not in traffic.routes()
