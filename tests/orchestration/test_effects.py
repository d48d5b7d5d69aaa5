"""What entering a state does to a run, whatever the rules are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.orchestration.runs import TYPES, Run, Runs

Make: TypeAlias = Callable[..., Run]
TERMINAL = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")


@pytest.fixture(params=["flow_run", "task_run"])
def make(request: pytest.FixtureRequest, runs: Runs) -> Make:
    """Makes flow runs, or task runs."""
    method: Make = getattr(runs, request.param)
    return method


def test_a_run_shows_its_current_state(make: Make) -> None:
    run = make("PENDING")
    run.propose("RUNNING", "Working")
    shown = run.read()
    state = shown["state"]
    assert (shown["state_type"], shown["state_name"]) == ("RUNNING", "Working")
    assert shown["state_id"] == state["id"]
    assert (state["type"], state["name"]) == ("RUNNING", "Working")


def test_the_history_holds_every_state_entered(runs: Runs, make: Make) -> None:
    run = make("SCHEDULED")
    for type in ("PENDING", "RUNNING", "COMPLETED"):
        runs.clock.advance(1)
        run.propose(type)
    states = run.states()
    assert [state["type"] for state in states] == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]
    assert len({state["id"] for state in states}) == 4
    assert states[-1] == run.state


def test_states_of_one_instant_keep_their_order(make: Make) -> None:
    run = make("PENDING")
    for type in ("RUNNING", "COMPLETED", "RUNNING", "COMPLETED"):
        run.propose(type, force=True)
    states = run.states()
    types = " ".join(state["type"] for state in states)
    assert types == "PENDING RUNNING COMPLETED RUNNING COMPLETED"
    stamps = [state["timestamp"] for state in states]
    assert stamps == sorted(set(stamps))


def test_the_first_running_state_is_the_start(runs: Runs, make: Make) -> None:
    run = make("PENDING")
    assert run.read()["start_time"] is None
    runs.clock.advance(5)
    run.propose("RUNNING")
    start = run.state["timestamp"]
    assert run.read()["start_time"] == start
    runs.clock.advance(5)
    run.propose("SCHEDULED", force=True)
    run.propose("RUNNING", force=True)
    assert run.read()["start_time"] == start


def test_a_run_made_running_has_started(make: Make) -> None:
    run = make("RUNNING").read()
    assert (run["run_count"], run["start_time"]) == (1, run["state"]["timestamp"])


@pytest.mark.parametrize("type", TERMINAL)
def test_the_first_terminal_state_is_the_end(runs: Runs, make: Make, type: str) -> None:
    run = make("RUNNING")
    runs.clock.advance(5)
    run.propose(type, force=True)
    end = run.state["timestamp"]
    assert run.read()["end_time"] == end
    runs.clock.advance(5)
    run.propose("FAILED", force=True)
    assert run.read()["end_time"] == end


@pytest.mark.parametrize("type", TERMINAL)
def test_a_run_that_ends_without_running_started_at_its_end(make: Make, type: str) -> None:
    run = make("PENDING")
    run.propose(type)
    shown = run.read()
    assert shown["start_time"] == shown["end_time"] == shown["state"]["timestamp"]


@pytest.mark.parametrize("type", [type for type in TYPES if type not in TERMINAL])
def test_a_run_that_goes_on_has_no_end(make: Make, type: str) -> None:
    run = make("COMPLETED")
    run.propose(type, force=True)
    assert run.read()["end_time"] is None


def test_time_in_running_states_adds_up(runs: Runs, make: Make) -> None:
    run = make("PENDING")
    runs.clock.advance(100)
    run.propose("RUNNING", force=True)
    runs.clock.advance(2)
    run.propose("RUNNING", force=True)
    assert run.read()["total_run_time"] == 2
    runs.clock.advance(3)
    run.propose("PAUSED", force=True)
    runs.clock.advance(100)
    run.propose("RUNNING", force=True)
    runs.clock.advance(0.5)
    run.propose("COMPLETED", force=True)
    assert run.read()["total_run_time"] == 5.5


def test_time_since_the_run_began_to_run_is_estimated(runs: Runs, make: Make) -> None:
    run = make("RUNNING")
    runs.clock.advance(4)
    assert run.read()["estimated_run_time"] == 4
    assert run.read()["total_run_time"] == 0
    run.propose("COMPLETED")
    runs.clock.advance(4)
    assert run.read()["estimated_run_time"] == 4


def test_a_run_was_expected_at_its_first_state(runs: Runs, make: Make) -> None:
    run = make("PENDING")
    expected = run.state["timestamp"]
    runs.clock.advance(5)
    run.propose("SCHEDULED", scheduled_time=runs.now(60))
    assert run.read()["expected_start_time"] == expected


def test_a_scheduled_run_is_expected_at_its_time(runs: Runs, make: Make) -> None:
    at = runs.now(60)
    run = make("SCHEDULED", state_scheduled_time=at)
    assert run.read()["expected_start_time"] == at


def test_a_run_is_next_scheduled_only_while_it_is_scheduled(runs: Runs, make: Make) -> None:
    at = runs.now(60)
    run = make("SCHEDULED", state_scheduled_time=at)
    assert run.read()["next_scheduled_start_time"] == at
    later = runs.now(90)
    run.propose("SCHEDULED", scheduled_time=later)
    assert run.read()["next_scheduled_start_time"] == later
    run.propose("PENDING")
    assert run.read()["next_scheduled_start_time"] is None


def test_a_scheduled_state_without_a_time_is_for_now(runs: Runs, make: Make) -> None:
    run = make("PENDING")
    run.propose("SCHEDULED")
    assert run.state["state_details"]["scheduled_time"] == runs.now()


@pytest.mark.parametrize(
    ("type", "expected"), [("PENDING", 5.0), ("RUNNING", 0.0), ("COMPLETED", 0.0)]
)
def test_a_run_that_has_not_started_is_late(
    runs: Runs, make: Make, type: str, expected: float
) -> None:
    run = make(type)
    runs.clock.advance(5)
    assert run.read()["estimated_start_time_delta"] == expected


def test_a_run_that_started_late_stays_so(runs: Runs, make: Make) -> None:
    run = make("SCHEDULED", state_scheduled_time=runs.now(10))
    assert run.read()["estimated_start_time_delta"] == 0
    runs.clock.advance(12)
    run.propose("RUNNING")
    runs.clock.advance(60)
    assert run.read()["estimated_start_time_delta"] == 2


def test_each_start_counts(make: Make) -> None:
    run = make("PENDING")
    for _ in range(3):
        run.propose("RUNNING", force=True)
        run.propose("SCHEDULED", force=True)
    assert run.read()["run_count"] == 3


def test_the_details_name_the_run_whatever_was_proposed(runs: Runs) -> None:
    other = runs.flow_run().id
    run = runs.flow_run()
    run.propose("RUNNING", flow_run_id=other)
    assert run.state["state_details"]["flow_run_id"] == run.id


def test_the_details_name_the_task_run_and_its_flow_run(runs: Runs) -> None:
    flow_run, other = runs.flow_run("RUNNING"), runs.task_run()
    run = runs.task_run(flow_run_id=flow_run.id)
    run.propose("RUNNING", task_run_id=other.id, flow_run_id=None)
    details = run.state["state_details"]
    assert (details["flow_run_id"], details["task_run_id"]) == (flow_run.id, run.id)


def test_a_change_of_state_updates_the_run(runs: Runs, make: Make) -> None:
    run = make("PENDING")
    runs.clock.advance(5)
    run.propose("RUNNING")
    assert run.read()["updated"] == runs.now()


def test_details_that_no_rule_copies_end_with_their_state(make: Make) -> None:
    run = make("PENDING", state_traceparent="00-1", state_pause_key="k")
    run.propose("RUNNING")
    details = run.state["state_details"]
    assert (details["traceparent"], details["pause_key"]) == (None, None)


def test_details_that_nobody_knows_are_dropped(make: Make) -> None:
    run = make("PENDING")
    run.propose("RUNNING", flavour="sour")
    assert "flavour" not in run.state["state_details"]


def test_a_name_is_kept_as_it_is_even_if_it_is_empty(make: Make) -> None:
    run = make("PENDING")
    assert run.propose("RUNNING", "").name == ""
    assert run.state["name"] == ""
