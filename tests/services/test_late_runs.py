"""Scheduled flow runs that have not begun in time become Late."""

from __future__ import annotations

import pytest

from ephemeral_server.services.late_runs import LateRuns
from tests.orchestration.runs import Run, Runs
from tests.orchestration.slots import NEW, Slots
from tests.orchestration.test_subflows import subflow
from tests.services.passes import Passes

AFTER = 15.0


def overdue(runs: Runs, name: str | None = None, **given: str) -> Run:
    """A run that should have begun long ago."""
    return runs.flow_run("SCHEDULED", name, state_scheduled_time=runs.now(-3600), **given)


def test_a_run_is_late_once_its_time_is_over_by_the_setting(runs: Runs, passes: Passes) -> None:
    run = runs.flow_run("SCHEDULED", state_scheduled_time=runs.now(10))
    runs.clock.advance(10 + AFTER - 0.000001)
    assert passes.late_runs() == LateRuns()

    runs.clock.advance(0.000001)
    assert passes.late_runs() == LateRuns(late=1)

    assert (run.state["type"], run.state["name"]) == ("SCHEDULED", "Late")


def test_it_stays_scheduled_for_the_time_it_had(runs: Runs, passes: Passes) -> None:
    run = overdue(runs)
    before = run.read()

    passes.late_runs()

    after = run.read()
    assert after["state"]["state_details"]["scheduled_time"] == before["next_scheduled_start_time"]
    for member in ("next_scheduled_start_time", "expected_start_time", "run_count"):
        assert after[member] == before[member]
    assert after["state"]["timestamp"] > before["state"]["timestamp"]


def test_it_is_late_once(runs: Runs, passes: Passes) -> None:
    run = overdue(runs)
    assert passes.late_runs() == LateRuns(late=1)
    runs.clock.advance(3600)
    assert passes.late_runs() == LateRuns()
    assert len(run.states()) == 2


def test_an_event_tells_of_it(runs: Runs, passes: Passes) -> None:
    run = overdue(runs)
    passes.late_runs()
    event = run.events()[-1]
    assert event.event == "prefect.flow-run.Late"
    assert event.payload["intended"] == {"from": "SCHEDULED", "to": "SCHEDULED"}


@pytest.mark.parametrize("name", ["AwaitingRetry", "AwaitingConcurrencySlot", "Resuming", "Late"])
def test_scheduled_states_of_other_names_never_become_late(
    runs: Runs, passes: Passes, name: str
) -> None:
    run = overdue(runs, name)
    assert passes.late_runs() == LateRuns()
    assert run.state["name"] == name


@pytest.mark.parametrize("type", ["PENDING", "RUNNING", "COMPLETED", "CANCELLED"])
def test_a_run_that_has_begun_is_not_late(runs: Runs, passes: Passes, type: str) -> None:
    run = overdue(runs)
    assert run.propose(type, "Scheduled", force=True).status == "ACCEPT"
    assert passes.late_runs() == LateRuns()


@pytest.mark.parametrize(
    ("type", "name"), [("PENDING", None), ("CANCELLED", None), ("SCHEDULED", "AwaitingRetry")]
)
def test_a_run_that_moves_on_meanwhile_is_left_alone(
    runs: Runs, passes: Passes, type: str, name: str | None
) -> None:
    run, other = overdue(runs), overdue(runs)
    passes.enter_meanwhile(run, type, name)
    assert passes.late_runs() == LateRuns(late=1)
    assert run.state["name"] == (name or type.capitalize())
    assert other.state["name"] == "Late"


def test_a_run_that_is_put_off_meanwhile_is_not_late(runs: Runs, passes: Passes) -> None:
    run = overdue(runs)
    passes.enter_meanwhile(run, "SCHEDULED")
    assert passes.late_runs() == LateRuns()
    assert run.state["name"] == "Scheduled"


def test_one_that_would_find_no_slot_is_cancelled_where_new_ones_are(
    runs: Runs, slots: Slots, passes: Passes
) -> None:
    limit = slots.new(1)
    deployment_id = slots.deployment(limit, collision_strategy="CANCEL_NEW")
    running = slots.running(deployment_id)
    late = [overdue(runs, deployment_id=deployment_id) for _ in range(2)]
    free = overdue(runs)

    assert passes.late_runs() == LateRuns(late=1, cancelled=2)

    for run in late:
        assert run.state["type"] == "CANCELLED"
        assert run.state["message"] == "Deployment concurrency limit reached."
        assert run.events()[-1].event == "prefect.flow-run.Cancelled"
    assert free.state["name"] == "Late"
    assert slots.taken(limit) == 1
    assert slots.held(running)


def test_one_that_may_wait_for_its_slot_is_late(runs: Runs, slots: Slots, passes: Passes) -> None:
    deployment_id = slots.deployment(slots.new(1), collision_strategy="ENQUEUE")
    slots.running(deployment_id)
    run = overdue(runs, deployment_id=deployment_id)
    assert passes.late_runs() == LateRuns(late=1)
    assert run.propose("PENDING", headers=NEW).name == "AwaitingConcurrencySlot"


def test_the_task_run_that_stands_for_a_late_subflow_is_late_too(
    runs: Runs, passes: Passes
) -> None:
    placeholder, _ = subflow(runs, "SCHEDULED", state_scheduled_time=runs.now(-3600))
    passes.late_runs()
    assert placeholder.state["name"] == "Late"
