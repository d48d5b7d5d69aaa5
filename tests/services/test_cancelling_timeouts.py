"""Flow runs that nobody ends although they are to be cancelled are called cancelled."""

from __future__ import annotations

import pytest

from ephemeral_server.services.cancelling_timeouts import CancellingTimeouts
from tests.orchestration.runs import TYPES, Run, Runs
from tests.orchestration.slots import Slots
from tests.orchestration.test_subflows import subflow
from tests.services.passes import Passes

TIMEOUT = 300.0
MESSAGE = "Flow run cancellation timed out; marked this flow run as Cancelled."


def cancelling(runs: Runs) -> Run:
    run = runs.flow_run("RUNNING")
    runs.clock.advance(1)
    assert run.propose("CANCELLING").type == "CANCELLING"
    return run


def test_it_is_called_cancelled_when_the_time_is_over(runs: Runs, passes: Passes) -> None:
    run = cancelling(runs)
    runs.clock.advance(TIMEOUT - 0.001)
    assert passes.cancelling_timeouts() == CancellingTimeouts()
    runs.clock.advance(0.001)
    assert passes.cancelling_timeouts() == CancellingTimeouts(cancelled=1)
    assert (run.state["type"], run.state["name"]) == ("CANCELLED", "Cancelled")
    assert run.state["message"] == MESSAGE
    assert run.events()[-1].event == "prefect.flow-run.Cancelled"


def test_it_is_called_so_once(runs: Runs, passes: Passes) -> None:
    run = cancelling(runs)
    runs.clock.advance(TIMEOUT)
    passes.cancelling_timeouts()
    assert passes.cancelling_timeouts() == CancellingTimeouts()
    assert len(run.states()) == 3


@pytest.mark.parametrize("type", [type for type in TYPES if type != "CANCELLING"])
def test_other_states_have_no_such_end(runs: Runs, passes: Passes, type: str) -> None:
    run = runs.flow_run(type)
    runs.clock.advance(TIMEOUT)
    assert passes.cancelling_timeouts() == CancellingTimeouts()
    assert run.state["type"] == type


def test_the_time_begins_anew_with_each_cancelling_state(runs: Runs, passes: Passes) -> None:
    run = cancelling(runs)
    runs.clock.advance(200)
    run.propose("CANCELLING", "Again", force=True)
    runs.clock.advance(200)
    assert passes.cancelling_timeouts() == CancellingTimeouts()
    runs.clock.advance(100)
    assert passes.cancelling_timeouts() == CancellingTimeouts(cancelled=1)


def test_a_run_that_ends_meanwhile_keeps_its_state(runs: Runs, passes: Passes) -> None:
    run = cancelling(runs)
    runs.clock.advance(TIMEOUT)
    passes.enter_meanwhile(run, "CANCELLED", "Stopped")
    assert passes.cancelling_timeouts() == CancellingTimeouts()
    assert (run.state["name"], run.state["message"]) == ("Stopped", None)


def test_its_slot_comes_back(runs: Runs, slots: Slots, passes: Passes) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    run.propose("CANCELLING")
    runs.clock.advance(TIMEOUT + 1)
    assert slots.taken(limit) == 1
    passes.cancelling_timeouts()
    assert slots.taken(limit) == 0


def test_the_task_run_that_stands_for_a_subflow_follows(runs: Runs, passes: Passes) -> None:
    placeholder, child = subflow(runs, "RUNNING")
    child.propose("CANCELLING")
    runs.clock.advance(TIMEOUT + 1)
    passes.cancelling_timeouts()
    assert placeholder.state["message"] == MESSAGE
