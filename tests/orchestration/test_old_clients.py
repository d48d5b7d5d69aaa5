"""What is different for clients that speak an older version of the protocol."""

from __future__ import annotations

from typing import Any

import pytest

from tests.orchestration.runs import Run, Runs


def speaking(version: str | None) -> dict[str, str]:
    return {} if version is None else {"X-PREFECT-API-VERSION": version}


#: From this version on clients heed the policy's members about pauses and retries.
VERSIONS = pytest.mark.parametrize(
    ("version", "heeds"),
    [(None, True), ("0.8.4", True), ("0.9.0", True), ("0.8.3", False), ("0.8.0", False)],
)

MARKS = {"retries": 1, "pause_keys": ["1"], "resuming": True, "retry_type": "reschedule"}


def marks(run: Run) -> tuple[Any, ...]:
    policy = run.policy
    return policy["pause_keys"], policy["resuming"], policy["retry_type"]


@VERSIONS
def test_a_retry_forgets_pauses(runs: Runs, version: str | None, heeds: bool) -> None:
    run = runs.flow_run("RUNNING")
    run.change(empirical_policy=MARKS)

    answer = run.propose("FAILED", headers=speaking(version))

    assert (answer.status, answer.name) == ("REJECT", "AwaitingRetry")
    assert marks(run) == (([], False, "in_process") if heeds else (["1"], True, "reschedule"))


@VERSIONS
def test_a_new_life_forgets_pauses(runs: Runs, version: str | None, heeds: bool) -> None:
    run = runs.flow_run("CRASHED")
    run.change(empirical_policy=MARKS)
    run.propose("PENDING", headers=speaking(version))
    assert marks(run) == (([], False, None) if heeds else (["1"], True, "reschedule"))


@VERSIONS
def test_the_return_from_a_pause_is_no_new_start(
    runs: Runs, version: str | None, heeds: bool
) -> None:
    run = runs.flow_run("RUNNING")
    run.propose("PAUSED", headers=speaking(version))
    run.propose("RUNNING", headers=speaking(version))
    assert run.read()["run_count"] == (1 if heeds else 2)
    assert run.policy["resuming"] is (not heeds)


@pytest.mark.parametrize(
    ("version", "told"), [(None, False), ("0.8.4", False), ("0.8.3", False), ("0.8.2", True)]
)
def test_failed_tasks_are_made_ready_for_the_next_attempt_of_their_flow(
    runs: Runs, version: str | None, told: bool
) -> None:
    run = runs.flow_run("RUNNING", empirical_policy={"retries": 1, "retry_delay": 30})
    failed, again = (runs.task_run("RUNNING", flow_run_id=run.id) for _ in range(2))
    others = [runs.task_run(type, flow_run_id=run.id) for type in ("CRASHED", "COMPLETED")]
    others.append(runs.task_run("FAILED", flow_run_id=runs.flow_run("RUNNING").id))
    for task in (failed, again):
        task.propose("FAILED")
    runs.clock.advance(1)

    answer = run.propose("FAILED", headers=speaking(version))

    assert (answer.status, answer.reason) == ("REJECT", "Retrying")
    for task in (failed, again):
        shown = task.read()
        if told:
            assert (shown["state_name"], shown["state_type"]) == ("AwaitingRetry", "SCHEDULED")
            assert shown["state"]["state_details"]["scheduled_time"] == runs.now(30)
            assert (shown["run_count"], shown["end_time"]) == (0, None)
        else:
            assert (shown["state_name"], shown["run_count"]) == ("Failed", 1)
    assert [task.state["name"] for task in others] == ["Crashed", "Completed", "Failed"]


def test_failed_tasks_stay_so_if_their_flow_has_no_retries_left(runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    task = runs.task_run("FAILED", flow_run_id=run.id)
    assert run.propose("FAILED", headers=speaking("0.8.2")).type == "FAILED"
    assert task.state["name"] == "Failed"


def test_failed_tasks_stay_so_if_their_flow_is_forced_to_fail(runs: Runs) -> None:
    run = runs.flow_run("RUNNING", empirical_policy={"retries": 1})
    task = runs.task_run("FAILED", flow_run_id=run.id)
    run.propose("FAILED", force=True, headers=speaking("0.8.2"))
    run.propose("SCHEDULED", "AwaitingRetry", force=True, headers=speaking("0.8.2"))
    assert task.state["name"] == "Failed"
