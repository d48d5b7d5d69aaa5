"""Paused flow runs that are not resumed in time fail."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.services.pause_expirations import PauseExpirations
from tests.orchestration.runs import Run, Runs
from tests.orchestration.slots import Slots
from tests.orchestration.test_subflows import subflow
from tests.services.passes import Passes


def paused(runs: Runs, seconds: float | None = 60, **details: Any) -> Run:
    """A flow run that waits for so many seconds to be resumed; None: for ever."""
    run = runs.flow_run("RUNNING")
    timeout = None if seconds is None else runs.now(seconds)
    assert run.propose("PAUSED", pause_timeout=timeout, **details).status == "ACCEPT"
    return run


def test_it_fails_as_soon_as_its_time_is_over(runs: Runs, passes: Passes) -> None:
    run = paused(runs, 60)
    runs.clock.advance(60)
    assert passes.pause_expirations() == PauseExpirations()
    assert run.state["type"] == "PAUSED"

    runs.clock.advance(0.000001)
    assert passes.pause_expirations() == PauseExpirations(failed=1)

    assert (run.state["type"], run.state["name"]) == ("FAILED", "Failed")
    assert run.state["message"] == "The flow was paused and never resumed."
    assert run.read()["end_time"] == run.state["timestamp"]


def test_whole_seconds_are_compared_like_others(runs: Runs, passes: Passes) -> None:
    runs.clock.advance(1 - runs.clock.now() % 1_000_000 / 1_000_000)
    run = paused(runs, 60)
    assert "." not in run.state["state_details"]["pause_timeout"]
    runs.clock.advance(60.5)
    assert passes.pause_expirations() == PauseExpirations(failed=1)


@pytest.mark.parametrize("seconds", [None, 100])
def test_without_a_time_or_before_it_a_pause_goes_on(
    runs: Runs, passes: Passes, seconds: float | None
) -> None:
    run = paused(runs, seconds, pause_key='"pause_timeout":null \x00')
    other = paused(runs, 50)
    runs.clock.advance(99)
    assert passes.pause_expirations() == PauseExpirations(failed=1)
    assert (run.state["type"], other.state["type"]) == ("PAUSED", "FAILED")


def test_it_fails_once(runs: Runs, passes: Passes) -> None:
    run = paused(runs)
    runs.clock.advance(61)
    passes.pause_expirations()
    assert passes.pause_expirations() == PauseExpirations()
    assert len(run.states()) == 3


def test_a_retry_does_not_begin(runs: Runs, passes: Passes) -> None:
    run = runs.flow_run("RUNNING", empirical_policy={"retries": 3, "retry_delay": 1})
    run.propose("PAUSED", pause_timeout=runs.now(60))
    runs.clock.advance(61)
    passes.pause_expirations()
    assert run.state["type"] == "FAILED"


def test_an_event_tells_of_it(runs: Runs, passes: Passes) -> None:
    run = paused(runs)
    runs.clock.advance(61)
    passes.pause_expirations()
    assert run.events()[-1].event == "prefect.flow-run.Failed"
    assert run.events()[-1].payload["intended"] == {"from": "PAUSED", "to": "FAILED"}


@pytest.mark.parametrize("type", ["RUNNING", "CANCELLING"])
def test_a_run_that_leaves_the_pause_meanwhile_is_left_alone(
    runs: Runs, passes: Passes, type: str
) -> None:
    run = paused(runs)
    runs.clock.advance(61)
    passes.enter_meanwhile(run, type)
    assert passes.pause_expirations() == PauseExpirations()
    assert run.state["type"] == type


def test_an_old_pause_that_was_resumed_does_not_count(runs: Runs, passes: Passes) -> None:
    run = paused(runs, 60)
    run.propose("RUNNING")
    run.propose("PAUSED", pause_timeout=runs.now(600))
    runs.clock.advance(61)
    assert passes.pause_expirations() == PauseExpirations()


def test_its_slot_comes_back(runs: Runs, slots: Slots, passes: Passes) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    run.propose("PAUSED", pause_timeout=runs.now(60))
    assert slots.taken(limit) == 1
    runs.clock.advance(61)
    passes.pause_expirations()
    assert slots.taken(limit) == 0


def test_the_task_run_that_stands_for_a_subflow_fails_too(runs: Runs, passes: Passes) -> None:
    placeholder, child = subflow(runs, "RUNNING")
    child.propose("PAUSED", pause_timeout=runs.now(60))
    runs.clock.advance(61)
    passes.pause_expirations()
    assert placeholder.state["message"] == "The flow was paused and never resumed."
