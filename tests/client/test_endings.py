"""Flows that do not simply complete."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest
from prefect import flow, pause_flow_run, task
from prefect.client.schemas.objects import StateType
from prefect.exceptions import CancelledRun, FlowPauseTimeout
from prefect.runtime import flow_run
from prefect.states import Cancelled, Cancelling, Completed, Failed

from tests.client.history import History


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


def test_a_flow_that_takes_too_long_has_timed_out(history: History) -> None:
    @flow(timeout_seconds=0.2)
    def slow() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:  # a single long sleep cannot be interrupted
            time.sleep(0.01)

    with pytest.raises(TimeoutError):
        slow()
    run = history.flow_run()
    assert run.state is not None
    assert history.state_names(run) == ["Pending", "Running", "TimedOut"]
    assert run.state.type is StateType.FAILED
    assert run.state.message == "Flow run exceeded timeout of 0.2 second(s)"


def test_an_async_flow_that_takes_too_long_has_timed_out(history: History) -> None:
    @flow(timeout_seconds=0.2)
    async def slow() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(slow())
    run = history.flow_run()
    assert run.state is not None
    assert history.state_names(run) == ["Pending", "Running", "TimedOut"]
    assert run.state.message == "Flow run exceeded timeout of 0.2 second(s)"


def test_a_task_that_takes_too_long_has_timed_out(history: History) -> None:
    @task(timeout_seconds=0.2)
    def slow() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            time.sleep(0.01)

    @flow
    def waits() -> str:
        return str(slow(return_state=True).name)

    assert waits() == "TimedOut"
    task_run = history.task_run("slow")
    assert history.state_names(task_run) == ["Pending", "Running", "TimedOut"]
    assert task_run.state_type is StateType.FAILED


def test_a_flow_whose_task_is_cancelled_by_its_loop_has_crashed(history: History) -> None:
    @flow
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    run = history.flow_run()
    assert run.state is not None
    assert (run.state_type, run.state_name) == (StateType.CRASHED, "Crashed")
    assert run.state.message == "Execution was cancelled by the runtime environment."


def test_a_task_that_exits_crashes_itself_and_its_flow(history: History) -> None:
    @task
    def leaves() -> None:
        raise SystemExit(3)

    @flow
    def outer() -> None:
        leaves()

    with pytest.raises(SystemExit):
        outer()
    for run in (history.flow_run(), history.task_run("leaves")):
        assert run.state is not None
        assert history.state_names(run) == ["Pending", "Running", "Crashed"]
        assert run.state.message == "Execution was aborted by Python system exit call."


def test_an_interrupted_flow_has_crashed(history: History) -> None:
    @flow
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    run = history.flow_run()
    assert run.state is not None
    assert history.state_names(run) == ["Pending", "Running", "Crashed"]
    assert run.state.message == "Execution was aborted by an interrupt signal."
    assert run.end_time is not None


def test_an_interrupt_crashes_the_task_and_both_flows_around_it(history: History) -> None:
    @task
    def interrupted() -> None:
        raise KeyboardInterrupt

    @flow
    def inner() -> None:
        interrupted()

    @flow
    def outer() -> None:
        inner()

    with pytest.raises(KeyboardInterrupt):
        outer()
    assert [run.state_name for run in history.flow_runs()] == ["Crashed", "Crashed"]
    assert {run.state_name for run in history.task_runs()} == {"Crashed"}


def test_a_run_that_is_being_cancelled_can_only_become_cancelled(history: History) -> None:
    @flow
    def cancels_itself() -> None:
        history.client.set_flow_run_state(str(flow_run.get_id()), Cancelling())

    cancels_itself()
    run = history.flow_run()
    assert run.state_name == "Cancelling"
    answer: Any = history.client.set_flow_run_state(run.id, Completed())
    assert answer.status.value == "REJECT"
    assert history.client.set_flow_run_state(run.id, Cancelled()).status.value == "ACCEPT"
    assert history.state_names(history.flow_run())[-2:] == ["Cancelling", "Cancelled"]


def test_a_cancelled_task_cancels_nothing_but_itself(history: History) -> None:
    @task
    def given_up() -> object:
        return Cancelled(message="enough")

    @flow
    def goes_on() -> str:
        return str(given_up(return_state=True).type.value)

    assert goes_on() == "CANCELLED"
    assert history.flow_run().state_name == "Completed"
    task_run = history.task_run("given_up")
    assert task_run.state is not None
    assert (task_run.state_name, task_run.state.message) == ("Cancelled", "enough")


def test_a_flow_that_gives_back_cancelled_is_cancelled(history: History) -> None:
    @flow
    def gives_up() -> object:
        return Cancelled()

    with pytest.raises(CancelledRun):
        gives_up()
    assert history.state_names(history.flow_run()) == ["Pending", "Running", "Cancelled"]


def test_a_named_state_given_back_is_kept_with_its_message(history: History) -> None:
    @flow
    def judges() -> object:
        return Failed(name="Refused", message="not today")

    state = judges(return_state=True)
    run = history.flow_run()
    assert run.state is not None
    assert state.name == run.state.name == "Refused"
    assert (run.state.type, run.state.message) == (StateType.FAILED, "not today")


def test_a_flow_with_a_failure_among_its_results_has_failed(history: History) -> None:
    @flow
    def judges() -> object:
        return [Completed(), Failed(message="not today")]

    judges(return_state=True)
    run = history.flow_run()
    assert run.state is not None
    assert (run.state_name, run.state.message) == ("Failed", "1/2 states failed.")


def test_a_pause_that_nobody_ends_fails_the_flow(history: History) -> None:
    @flow
    def pauses() -> None:
        pause_flow_run(timeout=0, poll_interval=0)

    with pytest.raises(FlowPauseTimeout):
        pauses()
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Running", "Paused", "Failed"]
    paused = history.states(run)[2]
    assert paused.type is StateType.PAUSED
    assert paused.state_details.pause_timeout is not None
