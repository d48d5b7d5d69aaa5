"""Flows and tasks that fail and are tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prefect import flow, task

from tests.client.flows import add
from tests.client.history import History


def test_a_retried_flow_waits_and_runs_again(history: History) -> None:
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
