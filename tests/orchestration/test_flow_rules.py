"""The rules of flow runs, one by one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.orchestration.changes import Outcome, set_flow_run_state
from ephemeral_server.orchestration.policies import FLOW_LATE
from ephemeral_server.orchestration.states import scheduled
from tests.orchestration.runs import PERSISTED, UNPERSISTED, Run, Runs

LEASE = "deployment_concurrency_lease_id"
REPEATED = "This run has already made this state transition."


# A lease of a deployment's slot


def test_the_lease_stays_visible_in_later_states(runs: Runs) -> None:
    lease = str(uuid4())
    run = runs.flow_run("PENDING", state_deployment_concurrency_lease_id=lease)
    for type, name in (("PENDING", "Submitting"), ("RUNNING", None), ("COMPLETED", None)):
        run.propose(type, name, deployment_concurrency_lease_id=None)
        assert run.state["state_details"][LEASE] == lease


def test_a_lease_that_is_proposed_replaces_the_former(runs: Runs) -> None:
    run = runs.flow_run("RUNNING", state_deployment_concurrency_lease_id=str(uuid4()))
    new = str(uuid4())
    run.propose("COMPLETED", deployment_concurrency_lease_id=new)
    assert run.state["state_details"][LEASE] == new


def test_a_renamed_pending_state_keeps_lease_and_time_of_the_former(runs: Runs) -> None:
    lease, at = str(uuid4()), runs.now(-60)
    run = runs.flow_run(
        "PENDING", state_deployment_concurrency_lease_id=lease, state_scheduled_time=at
    )
    run.propose(
        "PENDING",
        "Submitting",
        deployment_concurrency_lease_id=str(uuid4()),
        scheduled_time=runs.now(60),
    )
    details = run.state["state_details"]
    assert (details[LEASE], details["scheduled_time"]) == (lease, at)


# Sent again


@pytest.mark.parametrize("type", ["RUNNING", "COMPLETED", "CANCELLING"])
def test_a_transition_sent_again_changes_nothing(runs: Runs, type: str) -> None:
    run, id = runs.flow_run(), str(uuid4())
    first = run.propose("RUNNING", transition_id=id)

    again = run.propose(type, transition_id=id)

    assert (again.code, again.status, again.reason) == (200, "REJECT", REPEATED)
    assert again.state == first.state
    assert run.read()["run_count"] == 1


def test_a_transition_id_counts_only_against_the_current_state(runs: Runs) -> None:
    run, id = runs.flow_run(), str(uuid4())
    run.propose("RUNNING", transition_id=id)
    run.propose("SCHEDULED")
    assert run.propose("RUNNING", transition_id=id).status == "ACCEPT"


def test_a_forced_transition_sent_again_is_made_again(runs: Runs) -> None:
    run, id = runs.flow_run(), str(uuid4())
    run.propose("RUNNING", force=True, transition_id=id)
    assert run.propose("RUNNING", force=True, transition_id=id).code == 201


# Leaving a terminal state


@pytest.mark.parametrize("type", ["SCHEDULED", "PENDING", "RUNNING"])
def test_a_persisted_result_is_not_run_again(runs: Runs, type: str) -> None:
    run = runs.flow_run("COMPLETED", state_data=PERSISTED)
    answer = run.propose(type)
    assert (answer.status, answer.reason) == ("REJECT", "Run is already COMPLETED.")
    assert answer.state == run.state


@pytest.mark.parametrize("data", [None, UNPERSISTED, {}, "text", 1, [1]])
def test_a_result_that_is_no_object_or_not_persisted_can_be_run_again(
    runs: Runs, data: Any
) -> None:
    run = runs.flow_run("COMPLETED", state_data=data)
    assert run.propose("RUNNING").status == "ACCEPT"


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("data", [None, UNPERSISTED])
def test_a_persisted_result_is_not_overwritten_by_none(runs: Runs, data: Any, force: bool) -> None:
    run = runs.flow_run("COMPLETED", state_data=PERSISTED)
    answer = run.propose("COMPLETED", data=data, force=force)
    assert (answer.code, answer.status) == (200, "REJECT")
    assert answer.reason == (
        "Cannot overwrite a COMPLETED state that carries persisted result data with one that "
        "does not."
    )
    assert run.state["data"] == PERSISTED


@pytest.mark.parametrize("force", [False, True])
def test_a_persisted_result_is_overwritten_by_another(runs: Runs, force: bool) -> None:
    run = runs.flow_run("COMPLETED", state_data=PERSISTED)
    other = {**PERSISTED, "storage_key": "results/2"}
    assert run.propose("COMPLETED", data=other, force=force).status == "ACCEPT"
    assert run.state["data"] == other


def test_a_persisted_result_can_be_marked_as_failed(runs: Runs) -> None:
    run = runs.flow_run("COMPLETED", state_data=PERSISTED)
    assert run.propose("FAILED").status == "ACCEPT"


@pytest.mark.parametrize(
    ("type", "retry_type"), [("SCHEDULED", "reschedule"), ("PENDING", None), ("RUNNING", None)]
)
def test_a_new_life_after_a_terminal_state_forgets_pauses(
    runs: Runs, type: str, retry_type: str | None
) -> None:
    policy = {"pause_keys": ["1"], "resuming": True, "retry_type": "in_process", "retries": 3}
    run = runs.flow_run("FAILED", deployment_id=runs.deployment(), empirical_policy=policy)
    run.change(empirical_policy=policy)

    run.propose(type)

    after = run.policy
    assert (after["pause_keys"], after["resuming"]) == ([], False)
    assert after["retry_type"] == retry_type
    assert after["retries"] == 3


def test_the_policy_is_kept_if_another_rule_refuses(runs: Runs) -> None:
    policy = {"pause_keys": ["1"], "resuming": True, "retry_type": "in_process"}
    run = runs.flow_run("CANCELLED")
    run.change(empirical_policy=policy)
    before = run.policy

    assert run.propose("PENDING").status == "ABORT"

    assert run.policy == before
    assert before["pause_keys"] == ["1"]


def test_the_policy_is_kept_between_terminal_states(runs: Runs) -> None:
    run = runs.flow_run("FAILED")
    run.change(empirical_policy={"pause_keys": ["1"], "retry_type": "in_process"})
    run.propose("CANCELLED")
    assert run.policy["pause_keys"] == ["1"]
    assert run.policy["retry_type"] == "in_process"


# Cancelling


def test_a_scheduled_run_with_a_process_is_cancelled_in_two_steps(runs: Runs) -> None:
    run = runs.flow_run("SCHEDULED", "AwaitingRetry")
    run.change(infrastructure_pid="host:1")
    answer = run.propose("CANCELLING")
    assert (answer.status, answer.type) == ("ACCEPT", "CANCELLING")


@pytest.mark.parametrize("force", [False, True])
def test_a_resuming_run_is_cancelled_at_once_even_with_a_process(runs: Runs, force: bool) -> None:
    run = runs.flow_run("SCHEDULED", "Resuming")
    run.change(infrastructure_pid="host:1")
    answer = run.propose("CANCELLING", force=force)
    assert (answer.code, answer.status, answer.type) == (201, "REJECT", "CANCELLED")
    assert answer.name == "Cancelled"
    assert answer.reason == "Scheduled flow run has no infrastructure to terminate."


@pytest.mark.parametrize("force", [False, True])
def test_a_suspended_run_is_cancelled_at_once(runs: Runs, force: bool) -> None:
    run = runs.flow_run("PAUSED", "Suspended", state_pause_reschedule=True)
    if not force:
        run = runs.flow_run(
            "PAUSED",
            "Suspended",
            state_pause_reschedule=True,
            deployment_id=runs.deployment(),
        )
    answer = run.propose("CANCELLING", force=force)
    assert (answer.code, answer.status, answer.type) == (201, "REJECT", "CANCELLED")
    assert answer.reason == "Suspended flow run has no infrastructure to terminate."


def test_a_cancelling_run_becomes_cancelled(runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    run.propose("CANCELLING")
    assert run.propose("COMPLETED").status == "REJECT"
    assert run.propose("CANCELLED").type == "CANCELLED"


# PENDING


def test_a_worker_goes_on_naming_the_pending_state(runs: Runs) -> None:
    run = runs.flow_run("PENDING")
    for name in ("Submitting", "InfrastructurePending", "Submitting"):
        assert run.propose("PENDING", name).name == name


@pytest.mark.parametrize("name", ["Submitting", "Pending"])
def test_of_two_workers_one_loses(runs: Runs, name: str) -> None:
    run = runs.flow_run("PENDING", "Submitting")
    answer = run.propose("PENDING", name)
    assert answer.status == "ABORT"
    assert answer.reason == (
        "This run is in a PENDING state and cannot transition to a PENDING state."
    )


def test_a_running_run_cannot_become_pending_by_another_name(runs: Runs) -> None:
    assert runs.flow_run("RUNNING").propose("PENDING", "Submitting").status == "ABORT"


# Late


@pytest.mark.parametrize(
    ("type", "name", "reason"),
    [
        ("SCHEDULED", "Scheduled", None),
        ("SCHEDULED", "AwaitingRetry", None),
        ("SCHEDULED", "Late", "This flow run is already marked late."),
        ("PENDING", None, "Only scheduled flows can be marked late."),
        ("RUNNING", None, "Only scheduled flows can be marked late."),
        ("PAUSED", None, "Only scheduled flows can be marked late."),
    ],
)
@pytest.mark.parametrize("by", ["client", "service"])
def test_only_a_scheduled_run_is_marked_late_and_only_once(
    runs: Runs, type: str, name: str | None, reason: str | None, by: str
) -> None:
    run = runs.flow_run(type, name, deployment_id=runs.deployment())
    if by == "client":
        answer = run.propose("SCHEDULED", "Late")
        status, details = answer.status, answer.details
    else:
        outcome = _mark_late(runs, run)
        status, details = outcome.status, outcome.details
    if reason is None:
        assert status == "ACCEPT"
        assert run.state["name"] == "Late"
    else:
        assert (status, details["reason"]) == ("REJECT", reason)
        assert run.state["name"] == (name or type.capitalize())


def test_a_terminal_run_is_not_marked_late(runs: Runs) -> None:
    run = runs.flow_run("FAILED", deployment_id=runs.deployment())
    assert run.propose("SCHEDULED", "Late").reason == "Only scheduled flows can be marked late."
    assert _mark_late(runs, run).details["reason"] == "Only scheduled flows can be marked late."


def test_a_run_without_a_state_is_not_late(runs: Runs) -> None:
    answer = runs.stateless_flow_run().propose("SCHEDULED", "Late")
    assert answer.reason == "Only scheduled flows can be marked late."
    assert answer.state is None


def _mark_late(runs: Runs, run: Run) -> Outcome:
    now = runs.clock.now()
    return runs.application.write(
        set_flow_run_state,
        runs.application.runtime.settings,
        run.id,
        scheduled(now, now, "Late"),
        policy=FLOW_LATE,
    )


# Scheduled times


def test_a_pending_state_remembers_when_the_run_was_to_start(runs: Runs) -> None:
    at = runs.now(3600)
    run = runs.flow_run("SCHEDULED", state_scheduled_time=at)
    run.propose("PENDING")
    assert run.state["state_details"]["scheduled_time"] == at


def test_a_pending_state_keeps_a_scheduled_time_of_its_own(runs: Runs) -> None:
    run = runs.flow_run("SCHEDULED", state_scheduled_time=runs.now(3600))
    at = runs.now(60)
    run.propose("PENDING", scheduled_time=at)
    assert run.state["state_details"]["scheduled_time"] == at


@pytest.mark.parametrize("type", ["SCHEDULED", "PENDING"])
@pytest.mark.parametrize(("ahead", "delay"), [(30, 30), (30.4, 30), (30.6, 31)])
def test_a_run_waits_for_its_time(runs: Runs, type: str, ahead: float, delay: int) -> None:
    run = runs.flow_run(type, state_scheduled_time=runs.now(ahead))
    before = run.state

    answer = run.propose("RUNNING")

    assert (answer.code, answer.status) == (200, "WAIT")
    assert answer.details == {
        "type": "wait_details",
        "delay_seconds": delay,
        "reason": "Scheduled time is in the future",
    }
    assert answer.state == before == run.state

    runs.clock.advance(ahead)
    assert run.propose("RUNNING").status == "ACCEPT"


def test_a_run_starts_in_the_half_second_before_its_time(runs: Runs) -> None:
    run = runs.flow_run("SCHEDULED", state_scheduled_time=runs.now(0.5))
    assert run.propose("RUNNING").status == "ACCEPT"


def test_a_forced_start_does_not_wait(runs: Runs) -> None:
    run = runs.flow_run("SCHEDULED", state_scheduled_time=runs.now(3600))
    assert run.propose("RUNNING", force=True).status == "ACCEPT"


# Retries


def test_a_failed_run_with_retries_left_waits_for_its_next_try(runs: Runs) -> None:
    policy = {"retries": 1, "retry_delay": 30, "pause_keys": ["1"], "resuming": True}
    run = runs.flow_run("PENDING", empirical_policy=policy)
    run.propose("RUNNING", deployment_concurrency_lease_id=(lease := str(uuid4())))

    answer = run.propose("FAILED", message="oops", data=PERSISTED)

    assert (answer.code, answer.status, answer.reason) == (201, "REJECT", "Retrying")
    assert (answer.type, answer.name) == ("SCHEDULED", "AwaitingRetry")
    state = run.state
    assert (state["message"], state["data"]) == ("oops", PERSISTED)
    assert state["state_details"]["scheduled_time"] == runs.now(30)
    assert state["state_details"][LEASE] == lease
    after = run.policy
    assert (after["pause_keys"], after["resuming"]) == ([], False)
    assert after["retry_type"] == "in_process"


def test_a_flow_run_is_tried_once_and_then_as_often_as_it_has_retries(runs: Runs) -> None:
    run = runs.flow_run("PENDING", empirical_policy={"retries": 2, "retry_delay": 0})
    for _ in range(2):
        assert run.propose("RUNNING").status == "ACCEPT"
        assert run.propose("FAILED").name == "AwaitingRetry"
    run.propose("RUNNING")

    answer = run.propose("FAILED")

    assert (answer.status, answer.type) == ("ACCEPT", "FAILED")
    assert run.read()["run_count"] == 3
    assert run.policy["retry_type"] is None


def test_a_retry_waits_for_its_delay(runs: Runs) -> None:
    run = runs.flow_run("PENDING", empirical_policy={"retries": 1, "retry_delay": 5})
    run.propose("RUNNING")
    run.propose("FAILED")
    assert run.propose("RUNNING").details["delay_seconds"] == 5
    runs.clock.advance(5)
    assert run.propose("RUNNING").status == "ACCEPT"


@pytest.mark.parametrize("type", ["CRASHED", "CANCELLED", "COMPLETED"])
def test_only_failures_are_retried(runs: Runs, type: str) -> None:
    run = runs.flow_run("RUNNING", empirical_policy={"retries": 1})
    assert run.propose(type).status == "ACCEPT"


def test_a_run_that_never_ran_is_not_retried(runs: Runs) -> None:
    run = runs.flow_run("PENDING", empirical_policy={"retries": 1})
    assert run.propose("FAILED").status == "ACCEPT"


def test_a_forced_failure_is_not_retried(runs: Runs) -> None:
    run = runs.flow_run("RUNNING", empirical_policy={"retries": 1})
    assert run.propose("FAILED", force=True).type == "FAILED"
