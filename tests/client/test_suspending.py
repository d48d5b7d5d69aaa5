"""Flows of deployments that are suspended: their process ends, and another one goes on."""

from __future__ import annotations

from typing import Any

import pytest
from prefect import flow
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import FlowPauseTimeout, NotPausedError, Pause
from prefect.flow_engine import run_flow
from prefect.flow_runs import resume_flow_run, suspend_flow_run
from prefect.flows import Flow
from prefect.input import RunInput
from prefect.states import Cancelling, Running, Scheduled, Suspended

from tests.client.deploying import deploy
from tests.client.history import History


class Approval(RunInput):
    """What a flow asks for before it goes on."""

    approved: bool


def made_run(of: Flow[[], Any], history: History, state: State[Any]) -> FlowRun:
    """A run of a deployment of a flow, in this state; run as by the process of a worker."""
    run = history.client.create_flow_run_from_deployment(deploy(of), state=state)
    return history.client.read_flow_run(run.id)


def test_a_suspended_flow_goes_on_in_a_new_process(history: History) -> None:
    began: list[str] = []

    @flow
    def asks() -> bool:
        began.append("again" if began else "first")
        return suspend_flow_run(wait_for_input=Approval).approved

    made = made_run(asks, history, Scheduled())
    with pytest.raises(Pause):
        run_flow(asks, flow_run=made)
    run = history.flow_run()
    assert history.state_names(run) == ["Scheduled", "Running", "Suspended"]
    assert run.state is not None
    assert run.state.type is StateType.PAUSED
    assert run.state.state_details.pause_reschedule is True
    with pytest.raises(RuntimeError, match="'approved' is a required property"):
        resume_flow_run(run.id)

    resume_flow_run(run.id, run_input={"approved": True})

    run = history.flow_run()
    assert (run.state_type, run.state_name) == (StateType.SCHEDULED, "Resuming")
    assert run.next_scheduled_start_time is not None
    assert run_flow(asks, flow_run=run) is True
    assert began == ["first", "again"]
    run = history.flow_run()
    assert history.state_names(run) == [
        "Scheduled",
        "Running",
        "Suspended",
        "Resuming",
        "Running",
        "Completed",
    ]
    assert run.run_count == 1  # the second process goes on with what the first one began
    assert run.empirical_policy.resuming is False
    kept = history.client.filter_flow_run_input(run.id, "suspended-1-", 9, set())
    assert {entry.key: entry.decoded_value for entry in kept if "response" in entry.key} == {
        "suspended-1-response": {"approved": True}
    }


def test_a_flow_without_a_deployment_is_not_suspended(history: History) -> None:
    @flow
    def asks() -> None:
        suspend_flow_run()

    with pytest.raises(RuntimeError, match="Cannot suspend flows without a deployment"):
        asks()
    assert history.state_names(history.flow_run()) == ["Pending", "Running", "Failed"]


def test_a_running_flow_is_suspended_from_outside(history: History) -> None:
    @flow
    def works() -> None:
        pass

    made = made_run(works, history, Running())
    suspend_flow_run(flow_run_id=made.id, timeout=60)
    run = history.flow_run()
    assert history.state_names(run) == ["Running", "Suspended"]
    assert run.state is not None
    assert run.state.state_details.pause_timeout is not None
    resume_flow_run(run.id)
    assert history.state_names(history.flow_run()) == ["Running", "Suspended", "Resuming"]
    with pytest.raises(NotPausedError):
        resume_flow_run(run.id)


def test_a_suspended_run_that_is_cancelled_is_over_at_once(history: History) -> None:
    @flow
    def works() -> None:
        pass

    made = made_run(works, history, Running())
    suspend_flow_run(flow_run_id=made.id)
    answer: Any = history.client.set_flow_run_state(made.id, Cancelling())
    assert answer.status.value == "REJECT"
    assert answer.details.reason == "Suspended flow run has no infrastructure to terminate."
    assert history.state_names(history.flow_run()) == ["Running", "Suspended", "Cancelled"]


def test_a_suspended_run_whose_time_is_over_cannot_go_on(history: History) -> None:
    @flow
    def works() -> None:
        pass

    made = made_run(works, history, Running())
    history.client.set_flow_run_state(made.id, Suspended(timeout_seconds=-1))
    with pytest.raises(FlowPauseTimeout, match="can no longer be resumed"):
        resume_flow_run(made.id)
    assert history.state_names(history.flow_run()) == ["Running", "Suspended", "Failed"]
