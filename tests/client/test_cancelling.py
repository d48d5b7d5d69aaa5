"""Runs that are cancelled from outside, and what their flows make of it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from prefect import flow, pause_flow_run, task
from prefect.client.schemas.objects import StateType
from prefect.exceptions import CancelledRun, FlowPauseTimeout, UnfinishedRun
from prefect.flow_engine import run_flow
from prefect.runtime import flow_run
from prefect.states import Cancelled, Cancelling, Pending, Scheduled

from tests.client.flows import add
from tests.client.history import History
from tests.client.outside import meanwhile
from tests.client.traffic import PATIENCE, SET_STATE, Traffic

ONLY_CANCELLED = "Cannot transition flows that are cancelling to a state other than Cancelled."


def test_a_running_flow_that_is_cancelled_does_not_complete(
    history: History, traffic: Traffic
) -> None:
    cancelled = threading.Event()

    @flow
    def works() -> None:
        assert cancelled.wait(PATIENCE)
        add(1, 2)

    def cancel() -> None:
        answer: Any = history.client.set_flow_run_state(
            traffic.wait_for(SET_STATE).id, Cancelling()
        )
        assert answer.status.value == "ACCEPT"
        cancelled.set()

    with meanwhile(cancel):
        works()
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Running", "Cancelling"]
    assert run.end_time is None
    completed = traffic.on(SET_STATE)[-1]
    assert (completed.status, completed.answer["status"]) == (200, "REJECT")
    assert completed.answer["state"]["type"] == "CANCELLING"
    assert completed.answer["details"] == {"type": "reject_details", "reason": ONLY_CANCELLED}
    # The client goes on with what it was about to do.
    assert [task_run.state_name for task_run in history.task_runs(run)] == ["Completed"]
    # Whoever ends the process says that it is over.
    over: Any = Cancelled(message="Flow run was cancelled successfully.")
    history.client.set_flow_run_state(run.id, over, force=True)
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Running", "Cancelling", "Cancelled"]
    assert run.state_type is StateType.CANCELLED
    assert run.end_time is not None


def test_a_flow_that_is_cancelled_before_it_starts_never_runs(history: History) -> None:
    ran: list[bool] = []

    @flow
    def works() -> None:
        ran.append(True)

    made = history.client.create_flow_run(works, state=Pending())
    history.client.set_flow_run_state(made.id, Cancelling())
    with pytest.raises(UnfinishedRun, match="CANCELLING"):
        run_flow(works, flow_run=made)
    assert ran == []
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Cancelling"]
    assert (run.run_count, run.start_time) == (0, None)


def test_a_flow_that_nothing_runs_yet_is_cancelled_at_once(history: History) -> None:
    @flow
    def works() -> None:
        pass

    made = history.client.create_flow_run(works, state=Scheduled())
    answer: Any = history.client.set_flow_run_state(made.id, Cancelling())
    assert answer.status.value == "REJECT"
    assert answer.state.type is StateType.CANCELLED
    assert answer.details.reason == "Scheduled flow run has no infrastructure to terminate."
    assert history.state_names(history.flow_run()) == ["Scheduled", "Cancelled"]


def test_a_flow_that_is_being_cancelled_is_not_tried_again(
    history: History, traffic: Traffic
) -> None:
    tries: list[int] = []

    @flow(retries=2)
    def fails() -> None:
        tries.append(len(tries))
        history.client.set_flow_run_state(str(flow_run.get_id()), Cancelling())
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    assert tries == [0]
    assert history.state_names(history.flow_run()) == ["Pending", "Running", "Cancelling"]
    assert traffic.transitions()[-1] == ("Failed", "REJECT", "Cancelling")


def test_a_paused_flow_that_is_cancelled_does_not_go_on(history: History, traffic: Traffic) -> None:
    @flow
    def pauses() -> None:
        pause_flow_run(timeout=2, poll_interval=0)

    def cancel() -> None:
        history.client.set_flow_run_state(traffic.wait_for(SET_STATE, 2).id, Cancelling())

    # The client waits until the pause is over; it then cannot fail what is being cancelled.
    with meanwhile(cancel), pytest.raises(FlowPauseTimeout):
        pauses()
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Running", "Paused", "Cancelling"]
    assert traffic.transitions()[-1] == ("Failed", "REJECT", "Cancelling")


def test_a_subflow_that_is_being_cancelled_is_mirrored_and_fails_its_parent(
    history: History,
) -> None:
    @flow
    def child() -> None:
        history.client.set_flow_run_state(str(flow_run.get_id()), Cancelling())

    @flow
    def parent() -> object:
        return child(return_state=True)

    state = parent(return_state=True)
    assert (state.name, state.message) == ("Failed", "1/1 states are not final.")
    outer, inner = history.flow_runs()
    (wrapper,) = history.task_runs(outer)
    assert history.state_names(inner) == ["Pending", "Running", "Cancelling"]
    assert wrapper.state_type is StateType.CANCELLING
    # What ends the subflow ends what stands for it.
    history.client.set_flow_run_state(inner.id, Cancelled())
    (wrapper,) = history.task_runs(outer)
    names = ["Pending", "Running", "Cancelling", "Cancelled"]
    assert history.state_names(inner) == names
    assert history.state_names(wrapper) == ["Pending", *names]
    assert wrapper.end_time is not None


def test_a_cancelled_subflow_fails_the_parent_that_needs_its_result(history: History) -> None:
    @flow
    def child() -> object:
        return Cancelled(message="no more")

    @task
    def never() -> None:
        raise AssertionError

    @flow
    def parent() -> None:
        child()
        never()

    with pytest.raises(CancelledRun, match="no more"):
        parent()
    outer, inner = history.flow_runs()
    assert (outer.state_name, inner.state_name) == ("Failed", "Cancelled")
    assert [run.state_name for run in history.task_runs(outer)] == ["Cancelled"]


def test_what_is_over_cannot_be_cancelled(history: History) -> None:
    @flow
    def works() -> None:
        pass

    works()
    run = history.flow_run()
    answer: Any = history.client.set_flow_run_state(run.id, Cancelling())
    assert answer.status.value == "ABORT"
    assert answer.details.reason == "Run is already in terminal state COMPLETED."
    assert history.state_names(history.flow_run()) == ["Pending", "Running", "Completed"]
