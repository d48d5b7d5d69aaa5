"""Pausing, suspending and resuming flow runs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.orchestration.runs import Run, Runs

VERBS = pytest.mark.parametrize(("name", "verb"), [("Paused", "pause"), ("Suspended", "suspend")])


def paused(runs: Runs, *, deployed: bool = False, **details: Any) -> Run:
    """A flow run that ran and then paused."""
    run = runs.flow_run("RUNNING", deployment_id=runs.deployment() if deployed else None)
    assert run.propose("PAUSED", **{"pause_key": "1", **details}).status == "ACCEPT"
    return run


@VERBS
def test_a_run_without_a_state_cannot_pause(runs: Runs, name: str, verb: str) -> None:
    answer = runs.stateless_flow_run().propose("PAUSED", name)
    assert (answer.status, answer.reason) == ("ABORT", f"Cannot {verb} flows with no state.")


@VERBS
def test_only_a_running_flow_pauses(runs: Runs, name: str, verb: str) -> None:
    answer = runs.flow_run("PENDING").propose("PAUSED", name)
    assert answer.status == "REJECT"
    assert answer.reason == f"Cannot {verb} flows that are not currently running."


@VERBS
def test_each_pause_fires_once(runs: Runs, name: str, verb: str) -> None:
    run = paused(runs)
    run.propose("RUNNING")
    running = run.state

    answer = run.propose("PAUSED", name, pause_key="1")

    assert (answer.status, answer.reason) == ("REJECT", f"This {verb} has already fired.")
    assert answer.state == running
    assert run.propose("PAUSED", name, pause_key="2").status == "ACCEPT"
    assert sorted(run.policy["pause_keys"]) == ["1", "2"]


def test_a_pause_without_a_key_is_remembered_under_a_new_one(runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    run.propose("PAUSED")
    assert run.state["state_details"]["pause_key"] is None
    [key] = run.policy["pause_keys"]
    assert str(UUID(key)) == key


def test_pauses_without_a_key_all_fire(runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    for _ in range(2):
        assert run.propose("PAUSED").status == "ACCEPT"
        run.propose("RUNNING")
    assert len(run.policy["pause_keys"]) == 2


def test_pause_keys_that_a_client_set_to_null_count_as_none(runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    run.change(empirical_policy={"pause_keys": None})
    assert run.propose("PAUSED", pause_key="1").status == "ACCEPT"
    assert run.policy["pause_keys"] == ["1"]


@VERBS
def test_a_subflow_is_not_suspended(runs: Runs, name: str, verb: str) -> None:
    parent = runs.task_run(flow_run_id=runs.flow_run("RUNNING").id)
    run = runs.flow_run("RUNNING", parent_task_run_id=parent.id, deployment_id=runs.deployment())
    answer = run.propose("PAUSED", name, pause_reschedule=True)
    assert (answer.status, answer.reason) == ("ABORT", f"Cannot {verb} subflows.")


@VERBS
def test_a_run_without_a_deployment_is_not_suspended(runs: Runs, name: str, verb: str) -> None:
    answer = runs.flow_run("RUNNING").propose("PAUSED", name, pause_reschedule=True)
    assert answer.status == "ABORT"
    assert answer.reason == f"Cannot {verb} flows without a deployment."


def test_a_deployed_run_is_suspended(runs: Runs) -> None:
    run = runs.flow_run("RUNNING", deployment_id=runs.deployment())
    assert run.propose("PAUSED", "Suspended", pause_reschedule=True).status == "ACCEPT"


def test_a_refused_pause_does_not_use_up_its_key(runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    run.propose("PAUSED", pause_key="1", pause_reschedule=True)
    assert run.policy["pause_keys"] == []


def test_a_suspended_run_without_a_deployment_stays_paused(runs: Runs) -> None:
    run = runs.flow_run("PAUSED", state_pause_reschedule=True)
    answer = run.propose("RUNNING")
    assert answer.status == "REJECT"
    assert answer.reason == "Cannot reschedule a running flow run without a deployment."


def test_the_name_of_the_proposed_state_is_told(runs: Runs) -> None:
    run = runs.flow_run("PAUSED", state_pause_reschedule=True)
    answer = run.propose("SCHEDULED", "Resuming")
    assert answer.reason == "Cannot reschedule a resuming flow run without a deployment."


@pytest.mark.parametrize("type", ["SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"])
def test_after_its_timeout_a_pause_ends_in_failure(runs: Runs, type: str) -> None:
    run = paused(runs, pause_timeout=runs.now(60))
    runs.clock.advance(61)

    answer = run.propose(type)

    assert (answer.code, answer.status, answer.type) == (201, "REJECT", "FAILED")
    assert answer.reason == "The flow run pause has timed out and can no longer resume."
    assert run.state["message"] == f"The flow was {type.lower()} and never resumed."


def test_after_its_timeout_a_suspension_is_told_as_one(runs: Runs) -> None:
    run = paused(runs, pause_timeout=runs.now(60))
    runs.clock.advance(61)
    answer = run.propose("RUNNING", "Suspended")
    assert answer.reason == "The flow run suspend has timed out and can no longer resume."
    assert run.state["message"] == "The flow was suspended and never resumed."


def test_before_its_timeout_a_pause_can_be_resumed(runs: Runs) -> None:
    run = paused(runs, pause_timeout=runs.now(60))
    runs.clock.advance(60)
    assert run.propose("RUNNING").status == "ACCEPT"


def test_a_pause_past_its_timeout_can_still_be_cancelled(runs: Runs) -> None:
    run = paused(runs, pause_timeout=runs.now(60))
    runs.clock.advance(61)
    assert run.propose("CANCELLING").status == "ACCEPT"


def test_a_forced_state_does_not_care_for_the_timeout(runs: Runs) -> None:
    run = paused(runs, pause_timeout=runs.now(60))
    runs.clock.advance(61)
    assert run.propose("RUNNING", force=True).status == "ACCEPT"


def test_the_return_from_a_pause_is_no_new_start(runs: Runs) -> None:
    run = paused(runs)
    run.propose("RUNNING")
    assert run.read()["run_count"] == 1
    assert run.policy["resuming"] is False


def test_the_return_from_a_suspension_is_no_new_start(runs: Runs) -> None:
    run = paused(runs, deployed=True, pause_reschedule=True)
    run.propose("SCHEDULED", "Resuming")
    assert run.policy["resuming"] is True
    run.propose("PENDING")
    run.propose("RUNNING")
    assert run.read()["run_count"] == 1
    assert run.policy["resuming"] is False


@pytest.mark.parametrize("suspended", [False, True])
def test_the_return_of_a_run_that_was_made_in_a_pause_is_its_first_start(
    runs: Runs, suspended: bool
) -> None:
    run = runs.flow_run("PAUSED", deployment_id=runs.deployment(), state_pause_reschedule=suspended)
    if suspended:
        run.propose("SCHEDULED", "Resuming")
    run.propose("RUNNING")
    assert run.read()["run_count"] == 1
    assert run.policy["resuming"] is False


def test_a_start_after_the_return_counts_again(runs: Runs) -> None:
    run = paused(runs)
    run.propose("RUNNING")
    run.propose("SCHEDULED")
    run.propose("RUNNING")
    assert run.read()["run_count"] == 2


@pytest.mark.parametrize("proposed", ["PENDING", "PAUSED"])
def test_a_refused_return_leaves_no_trace(runs: Runs, proposed: str) -> None:
    run = paused(runs)
    before = run.read()
    assert run.propose(proposed).status == "REJECT"
    assert run.policy["resuming"] is False
    assert run.read()["updated"] == before["updated"]


def test_a_paused_run_that_ends_does_not_resume(runs: Runs) -> None:
    run = paused(runs)
    run.propose("CANCELLED")
    assert run.policy["resuming"] is False


def test_a_pause_that_timed_out_does_not_resume(runs: Runs) -> None:
    run = paused(runs, pause_timeout=runs.now(60))
    runs.clock.advance(61)
    run.propose("RUNNING")
    assert run.policy["resuming"] is False
