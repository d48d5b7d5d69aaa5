"""Flows and tasks that fail and are tried again."""

from __future__ import annotations

import pytest
from prefect import flow, task
from prefect.client.schemas.objects import StateType

from tests.client.flows import add
from tests.client.history import History


def test_a_retried_flow_is_one_run_that_awaits_its_retry(history: History) -> None:
    tries: list[int] = []

    @flow(retries=1)
    def flaky() -> int:
        tries.append(add(len(tries), 1))
        if len(tries) == 1:
            raise ValueError("not yet")
        return len(tries)

    assert flaky() == 2
    run = history.flow_run()
    assert history.state_names(run) == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Running",
        "Completed",
    ]
    assert run.run_count == 2
    assert run.empirical_policy.retries == 1
    waiting = history.states(run)[2]
    assert waiting.type is StateType.SCHEDULED
    # Each attempt has task runs of its own.
    assert [task_run.flow_run_run_count for task_run in history.task_runs(run)] == [1, 2]
    assert [task_run.run_count for task_run in history.task_runs(run)] == [1, 1]


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


def test_retries_that_are_used_up_leave_the_failure(history: History) -> None:
    @task(retries=1)
    def never() -> None:
        raise ValueError("no")

    @flow(retries=1)
    def hopeless() -> None:
        never()

    with pytest.raises(ValueError, match="no"):
        hopeless()
    run = history.flow_run()
    assert history.state_names(run) == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Running",
        "Failed",
    ]
    assert run.run_count == 2
    assert [task_run.run_count for task_run in history.task_runs(run)] == [2, 2]


def test_a_task_that_waits_before_it_retries_says_so(history: History) -> None:
    tries: list[int] = []

    @task(retries=1, retry_delay_seconds=0.2)
    def flaky() -> None:
        tries.append(len(tries))
        if len(tries) == 1:
            raise ValueError("not yet")

    @flow
    def patient() -> None:
        flaky()

    patient()
    run = history.task_run("flaky")
    assert history.state_names(run) == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Retrying",
        "Completed",
    ]
    _, _, waiting, retrying, _ = history.states(run)
    assert waiting.type is StateType.SCHEDULED
    assert waiting.state_details.scheduled_time is not None
    assert waiting.state_details.scheduled_time <= retrying.timestamp
    assert (run.run_count, run.empirical_policy.retry_delay) == (2, 0.2)


def test_a_task_may_decide_that_an_error_is_not_worth_a_retry(history: History) -> None:
    @task(retries=3, retry_condition_fn=lambda task, run, state: False)
    def hopeless() -> None:
        raise ValueError("no")

    @flow
    def tries() -> None:
        hopeless()

    with pytest.raises(ValueError, match="no"):
        tries()
    run = history.task_run("hopeless")
    assert history.state_names(run) == ["Pending", "Running", "Failed"]
    assert run.run_count == 1
