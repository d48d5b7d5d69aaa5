"""When flow runs give back the slots of their deployment, and when they keep them."""

from __future__ import annotations

import pytest

from tests.orchestration.runs import Run
from tests.orchestration.slots import NEW, Slots


@pytest.mark.parametrize("type", ["COMPLETED", "FAILED", "CANCELLED", "CRASHED", "SCHEDULED"])
@pytest.mark.parametrize("initial", ["PENDING", "RUNNING"])
@pytest.mark.parametrize("force", [False, True])
def test_a_run_that_ends_gives_its_slot_back(
    slots: Slots, initial: str, type: str, force: bool
) -> None:
    limit = slots.new(3, active_slots=1)
    deployment_id = slots.deployment(limit)
    run = slots.pending(deployment_id) if initial == "PENDING" else slots.running(deployment_id)
    assert slots.taken(limit) == 2

    assert run.propose(type, force=force, headers=NEW).status == "ACCEPT"

    assert (slots.taken(limit), slots.held(run)) == (1, [])


def test_how_long_a_run_lasted_moves_the_average(slots: Slots) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    slots.application.clock.advance(20)
    run.propose("COMPLETED", headers=NEW)
    assert slots.average(limit) == pytest.approx(2.0 + (20 - 2.0) / 2)


@pytest.mark.parametrize("force", [False, True])
def test_a_run_that_is_being_cancelled_keeps_its_slot_until_it_is(
    slots: Slots, force: bool
) -> None:
    limit = slots.new(2, active_slots=1)
    run = slots.running(slots.deployment(limit))
    run.propose("CANCELLING", force=force, headers=NEW)
    assert slots.taken(limit) == 2

    run.propose("CANCELLED", force=force, headers=NEW)

    assert (slots.taken(limit), slots.held(run)) == (1, [])


def test_a_retry_in_the_process_keeps_the_slot(slots: Slots) -> None:
    limit = slots.new(1)
    run = failing(slots, limit)
    assert (slots.taken(limit), len(slots.held(run))) == (1, 1)
    assert run.propose("RUNNING", headers=NEW).status == "ACCEPT"
    run.propose("FAILED", headers=NEW)
    assert (slots.taken(limit), slots.held(run)) == (0, [])


def failing(slots: Slots, limit: str) -> Run:
    """A run that failed and is to run again in its process."""
    run = slots.pending(slots.deployment(limit))
    run.change(empirical_policy={"retries": 1, "retry_delay": 0})
    run.propose("RUNNING", headers=NEW)
    answer = run.propose("FAILED", headers=NEW)
    assert (answer.status, answer.name) == ("REJECT", "AwaitingRetry")
    return run


@pytest.mark.parametrize("type", ["CANCELLING", "CANCELLED", "FAILED"])
@pytest.mark.parametrize("force", [False, True])
def test_a_run_that_ends_while_it_waits_for_its_retry_gives_its_slot_back(
    slots: Slots, type: str, force: bool
) -> None:
    limit = slots.new(2, active_slots=1)
    run = failing(slots, limit)
    run.propose(type, force=force, headers=NEW)
    assert (slots.taken(limit), slots.held(run)) == (1, [])


def test_a_worker_that_takes_a_run_before_its_retry_takes_no_second_slot(slots: Slots) -> None:
    limit = slots.new(1)
    run = failing(slots, limit)
    lease_id = slots.named(run)
    assert run.propose("PENDING", headers=NEW).type == "PENDING"
    assert (slots.taken(limit), slots.named(run)) == (1, lease_id)


def test_a_run_that_leaves_its_process_for_a_retry_gives_its_slot_back(slots: Slots) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    run.propose("SCHEDULED", "AwaitingRetry", headers=NEW)
    assert slots.taken(limit) == 0


# Pauses


def test_a_run_that_pauses_in_its_process_keeps_its_slot(slots: Slots) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    lease_id = slots.named(run)

    run.propose("PAUSED", headers=NEW)
    assert slots.taken(limit) == 1
    run.propose("RUNNING", headers=NEW)
    assert (slots.taken(limit), slots.named(run)) == (1, lease_id)
    [lease] = slots.held(run)
    assert lease.id == lease_id

    run.propose("COMPLETED", headers=NEW)
    assert slots.taken(limit) == 0


@pytest.mark.parametrize(
    ("type", "force"), [("CANCELLED", False), ("FAILED", True), ("SCHEDULED", False)]
)
def test_a_paused_run_that_ends_gives_its_slot_back(slots: Slots, type: str, force: bool) -> None:
    limit = slots.new(2, active_slots=1)
    run = slots.running(slots.deployment(limit))
    run.propose("PAUSED", headers=NEW)
    run.propose(type, force=force, headers=NEW)
    assert (slots.taken(limit), slots.held(run)) == (1, [])


def test_a_pause_that_times_out_gives_the_slot_back(slots: Slots) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    run.propose("PAUSED", headers=NEW, pause_timeout=slots.runs.now(60))
    slots.application.clock.advance(61)
    assert run.propose("RUNNING", headers=NEW).type == "FAILED"
    assert slots.taken(limit) == 0


def test_a_suspended_run_gives_its_slot_back_and_returns_with_another(slots: Slots) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    first = slots.named(run)
    run.propose("PAUSED", "Suspended", headers=NEW, pause_reschedule=True)
    assert (slots.taken(limit), slots.held(run)) == (0, [])

    run.propose("SCHEDULED", "Resuming", headers=NEW)
    run.propose("PENDING", headers=NEW)

    assert slots.taken(limit) == 1
    assert slots.named(run) != first
