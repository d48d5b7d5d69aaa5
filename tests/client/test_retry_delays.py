"""How long flows and tasks wait before they are tried again, and which of them are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect import flow, task
from prefect.client.schemas.objects import State, StateType, TaskRun
from prefect.tasks import exponential_backoff

from tests.client.history import History


def check_waits(history: History, run: TaskRun, *delays: float) -> None:
    """Each further try was to wait so many seconds, and did.

    Within bounds, since the client looks at its clock more than once: a wait is measured after
    the last try began, and before the state that tells of it was made.
    """
    states = history.states(run)
    waits = [at for at, state in enumerate(states) if state.name == "AwaitingRetry"]
    for at, seconds in zip(waits, delays, strict=True):
        tried, waiting, again = states[at - 1 : at + 2]
        until = waiting.state_details.scheduled_time
        assert until is not None
        delay = timedelta(seconds=seconds)
        assert tried.timestamp + delay <= until <= waiting.timestamp + delay
        assert until <= again.timestamp


def test_each_retry_of_a_task_waits_as_long_as_its_list_says(history: History) -> None:
    tries: list[int] = []

    @task(retries=3, retry_delay_seconds=[0.1, 0.2])
    def flaky() -> int:
        tries.append(len(tries))
        if len(tries) < 4:
            raise ValueError("not yet")
        return len(tries)

    @flow
    def patient() -> int:
        return flaky()

    assert patient() == 4
    run = history.task_run("flaky")
    assert history.state_names(run) == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Retrying",
        "AwaitingRetry",
        "Retrying",
        "AwaitingRetry",
        "Retrying",
        "Completed",
    ]
    check_waits(history, run, 0.1, 0.2, 0.2)
    assert run.run_count == 4
    assert (run.empirical_policy.retries, run.empirical_policy.retry_delay) == (3, [0.1, 0.2])


def test_the_jitter_of_the_waits_of_a_task_is_kept(history: History) -> None:
    @task(retries=1, retry_delay_seconds=0.1, retry_jitter_factor=2)
    def flaky() -> None:
        raise ValueError("no")

    @flow
    def patient() -> None:
        flaky(return_state=True)

    patient()
    run = history.task_run("flaky")
    assert history.state_names(run)[2:4] == ["AwaitingRetry", "Retrying"]
    assert (run.run_count, run.empirical_policy.retry_jitter_factor) == (2, 2)


def test_a_function_may_tell_the_waits_of_a_task(history: History) -> None:
    @task(retries=2, retry_delay_seconds=exponential_backoff(0.05))
    def flaky() -> None:
        raise ValueError("no")

    @flow
    def patient() -> None:
        flaky(return_state=True)

    patient()
    run = history.task_run("flaky")
    check_waits(history, run, 0.05, 0.1)
    assert run.empirical_policy.retry_delay == [0.05, 0.1]
    assert (run.state_name, run.run_count) == ("Failed", 3)


def test_a_task_is_tried_again_only_after_the_errors_it_names(history: History) -> None:
    tries: list[str] = []
    seen: list[tuple[str, int]] = []

    def is_worth_it(task: object, run: TaskRun, state: State[Any]) -> bool:
        seen.append((str(state.name), run.run_count))
        return "busy" in str(state.message)

    @task(retries=5, retry_condition_fn=is_worth_it)
    def calls() -> None:
        tries.append("busy" if len(tries) < 2 else "broken")
        raise ValueError(tries[-1])

    @flow
    def patient() -> None:
        calls(return_state=True)

    patient()
    run = history.task_run("calls")
    assert tries == ["busy", "busy", "broken"]
    assert seen == [("Failed", 1), ("Failed", 2), ("Failed", 3)]
    assert history.state_names(run) == ["Pending", "Running", "Retrying", "Retrying", "Failed"]
    assert run.run_count == 3
    assert run.state is not None
    assert run.state.message == "Task run encountered an exception ValueError: broken"


def test_each_failure_of_a_retried_flow_is_told_by_the_wait_after_it(history: History) -> None:
    tries: list[int] = []

    @flow(retries=2)
    def flaky() -> int:
        tries.append(len(tries))
        if len(tries) < 3:
            raise ValueError(f"not yet: {len(tries)}")
        return len(tries)

    assert flaky() == 3
    run = history.flow_run()
    states = history.states(run)
    assert [state.name for state in states[2:]] == [
        "AwaitingRetry",
        "Running",
        "AwaitingRetry",
        "Running",
        "Completed",
    ]
    assert [state.message for state in states if state.type is StateType.SCHEDULED] == [
        "Flow run encountered an exception: ValueError: not yet: 1",
        "Flow run encountered an exception: ValueError: not yet: 2",
    ]
    assert (run.run_count, run.empirical_policy.retries) == (3, 2)
    assert (run.start_time, run.end_time) == (states[1].timestamp, states[-1].timestamp)


def test_a_retried_flow_runs_its_subflows_again_under_the_same_task_runs(history: History) -> None:
    tries: list[int] = []

    @flow
    def child() -> int:
        return 1

    @flow
    def failing() -> int:
        if len(tries) == 1:
            raise ValueError("not yet")
        return 2

    @flow(retries=1)
    def parent() -> int:
        tries.append(len(tries))
        return child() + failing()

    assert parent() == 3
    outer, *inner = history.flow_runs()
    assert (outer.state_name, outer.run_count) == ("Completed", 2)
    assert [run.state_name for run in inner] == ["Completed", "Failed", "Completed", "Completed"]
    first, second = history.task_runs(outer)
    assert [run.parent_task_run_id for run in inner] == [first.id, second.id] * 2
    assert history.state_names(first) == [
        "Pending",
        *("Pending", "Running", "Completed"),
        *("Pending", "Running", "Completed"),
    ]
    assert history.state_names(second) == [
        "Pending",
        *("Pending", "Running", "Failed"),
        *("Pending", "Running", "Completed"),
    ]
    assert (first.run_count, second.run_count) == (2, 2)
    for wrapper, last in zip((first, second), inner[2:], strict=True):
        assert wrapper.state is not None
        assert wrapper.state.state_details.child_flow_run_id == last.id
