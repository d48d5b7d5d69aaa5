"""Task runs with tags that have a concurrency limit."""

from __future__ import annotations

import math

import pytest

from ephemeral_server.limits.leases import Holder, acquire
from tests.orchestration.runs import Run, Runs
from tests.orchestration.slots import Slots

FORCE = pytest.mark.parametrize("force", [False, True], ids=["core", "forced"])


def running(runs: Runs, *tags: str) -> Run:
    """A task run that has begun."""
    run = runs.task_run(tags=tags)
    assert run.propose("RUNNING").status == "ACCEPT"
    return run


# Taking


@pytest.mark.parametrize(
    "initial",
    ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED"],
)
def test_a_task_starts_with_a_slot_of_each_of_its_tags(
    runs: Runs, slots: Slots, initial: str
) -> None:
    (first, one), (second, two) = slots.tag(1), slots.tag(5)
    run = runs.task_run(initial, tags=[first, "without limit", second])

    assert run.propose("RUNNING").status == "ACCEPT"

    assert (slots.taken(one), slots.taken(two)) == (1, 1)
    [lease] = slots.held(run)
    assert lease.limit_ids == tuple(sorted((one, two)))
    assert lease.holder == Holder("task_run", run.id)
    runs.clock.advance(10 * 365 * 24 * 3600)
    assert slots.leases(one) == [lease]
    runs.clock.advance(-10 * 365 * 24 * 3600)


def test_a_task_waits_for_a_slot(runs: Runs, slots: Slots) -> None:
    (first, one), (second, two) = slots.tag(1), slots.tag(5)
    holder, run = running(runs, first), runs.task_run(tags=[first, second])
    before = run.state

    answer = run.propose("RUNNING")

    assert (answer.code, answer.status) == (200, "WAIT")
    assert answer.reason == f"Concurrency limit reached for tags: {first}, {second}"
    assert answer.state == before
    assert (slots.taken(one), slots.taken(two)) == (1, 0)
    assert slots.held(run) == []

    holder.propose("COMPLETED")
    assert run.propose("RUNNING").status == "ACCEPT"


@pytest.mark.parametrize(
    ("average", "mean"), [(4.0, 4), (600.0, 10), (0.0, 10)], ids=["short", "long", "unknown"]
)
def test_how_long_it_waits_depends_on_how_long_others_take(
    runs: Runs, slots: Slots, average: float, mean: float
) -> None:
    slow, _ = slots.tag(10, active_slots=9, avg_slot_occupancy_seconds=1.0)
    full, _ = slots.tag(1, active_slots=1, avg_slot_occupancy_seconds=average)
    run = runs.task_run(tags=[slow, full])
    low = math.log2(2**1.3 / (2**1.3 - 1))
    for _ in range(5):
        delay = run.propose("RUNNING").details["delay_seconds"]
        assert isinstance(delay, int)
        assert round(mean * low) <= delay <= round(mean * 1.3)


@pytest.mark.parametrize("full", [0, 1])
def test_a_tag_without_slots_lets_no_task_run(runs: Runs, slots: Slots, full: int) -> None:
    (first, one), (none, _) = slots.tag(1, active_slots=full), slots.tag(0)
    run = runs.task_run(tags=[first, none])
    answer = run.propose("RUNNING")
    assert (answer.code, answer.status) == (200, "ABORT")
    assert answer.reason == (
        f'The concurrency limit on tag "{none}" is 0 and will deadlock if the task tries to run '
        "again."
    )
    assert slots.taken(one) == full


@pytest.mark.parametrize("limit", [0, 1])
def test_an_inactive_limit_of_a_tag_does_not_count(runs: Runs, slots: Slots, limit: int) -> None:
    tag, id = slots.tag(limit, active=False, active_slots=limit)
    run = running(runs, tag)
    assert (slots.held(run), slots.taken(id)) == ([], limit)


def test_a_tag_that_is_named_twice_takes_one_slot(runs: Runs, slots: Slots) -> None:
    tag, id = slots.tag(1)
    running(runs, tag, tag)
    assert slots.taken(id) == 1


def test_a_task_that_starts_again_while_it_runs_takes_no_second_slot(
    runs: Runs, slots: Slots
) -> None:
    tag, id = slots.tag(1)
    run = running(runs, tag)
    assert run.propose("RUNNING").name == "Rerunning"
    assert slots.taken(id) == 1
    run.propose("COMPLETED")
    assert slots.taken(id) == 0


def test_a_limit_that_was_made_meanwhile_is_taken_too(runs: Runs, slots: Slots) -> None:
    (first, one), second = slots.tag(1), "made-later"
    run = running(runs, first, second)
    two = slots.new(2, name=f"tag:{second}")
    run.propose("RUNNING")
    assert (slots.taken(one), slots.taken(two)) == (1, 1)
    run.propose("FAILED")
    assert (slots.taken(one), slots.taken(two)) == (0, 0)
    slots.delete(two)


def test_a_task_that_has_to_wait_for_its_time_keeps_no_slot(runs: Runs, slots: Slots) -> None:
    tag, id = slots.tag(1)
    run = runs.task_run("SCHEDULED", tags=[tag], state_scheduled_time=runs.now(60))
    assert run.propose("RUNNING").reason == "Scheduled time is in the future"
    assert (slots.taken(id), slots.held(run)) == (0, [])
    assert slots.average(id) == 2.0


def test_a_task_of_a_flow_that_does_not_run_takes_no_slot(runs: Runs, slots: Slots) -> None:
    tag, id = slots.tag(1)
    run = runs.task_run(tags=[tag], flow_run_id=runs.flow_run("COMPLETED").id)
    assert run.propose("RUNNING").status == "ABORT"
    assert slots.taken(id) == 0


@pytest.mark.parametrize("force", [False, True])
def test_background_and_forced_tasks_take_no_slot(runs: Runs, slots: Slots, force: bool) -> None:
    tag, id = slots.tag(0)
    run = runs.task_run(tags=[tag])
    answer = run.propose("RUNNING", force=force, deferred=None if force else True)
    assert answer.status == "ACCEPT"
    assert slots.taken(id) == 0


def test_a_task_may_have_more_tags_than_a_statement_takes_values(runs: Runs, slots: Slots) -> None:
    tag, id = slots.tag(1)
    run = running(runs, *(str(number) for number in range(40_000)), tag)
    assert slots.taken(id) == 1
    run.propose("COMPLETED")
    assert slots.taken(id) == 0


# Giving back


@FORCE
@pytest.mark.parametrize(
    "type", ["SCHEDULED", "PENDING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED"]
)
def test_a_task_that_does_not_run_any_more_gives_its_slots_back(
    runs: Runs, slots: Slots, type: str, force: bool
) -> None:
    (first, one), (second, two) = slots.tag(2, active_slots=1), slots.tag(1)
    run = running(runs, first, second)

    assert run.propose(type, force=force).status == "ACCEPT"

    assert (slots.taken(one), slots.taken(two), slots.held(run)) == (1, 0, [])


def test_a_background_task_gives_back_what_it_holds(runs: Runs, slots: Slots) -> None:
    tag, id = slots.tag(1)
    run = running(runs, tag)
    run.propose("COMPLETED", deferred=True)
    assert slots.taken(id) == 0


@FORCE
@pytest.mark.parametrize("type", ["RUNNING", "CANCELLING"])
def test_a_task_that_runs_on_or_is_being_cancelled_keeps_its_slots(
    runs: Runs, slots: Slots, type: str, force: bool
) -> None:
    tag, id = slots.tag(1)
    run = running(runs, tag)
    run.propose(type, force=force)
    assert slots.taken(id) == 1
    run.propose("CANCELLED", force=force)
    assert slots.taken(id) == 0


def test_a_task_that_is_to_run_again_gives_its_slots_back_meanwhile(
    runs: Runs, slots: Slots
) -> None:
    tag, id = slots.tag(1)
    run = runs.task_run(tags=[tag], empirical_policy={"retries": 1})
    run.propose("RUNNING")
    assert run.propose("FAILED").name == "AwaitingRetry"
    assert slots.taken(id) == 0
    assert run.propose("RUNNING").name == "Retrying"
    assert slots.taken(id) == 1


def test_a_refused_change_gives_nothing_back(runs: Runs, slots: Slots) -> None:
    tag, id = slots.tag(1)
    run = running(runs, tag)
    assert run.propose("PENDING", deferred=True).status == "ABORT"
    assert slots.taken(id) == 1


def test_a_task_gives_back_only_what_is_its_own(runs: Runs, slots: Slots) -> None:
    tag, id = slots.tag(3)
    other, run = running(runs, tag), runs.task_run("RUNNING", tags=[tag])
    run.propose("COMPLETED")
    assert (slots.taken(id), len(slots.held(other))) == (1, 1)


def test_a_slot_that_its_client_took_is_given_back_and_others_are_not(
    runs: Runs, slots: Slots
) -> None:
    (tag, id), free = slots.tag(1), slots.new(1)
    run = runs.task_run(tags=[tag])
    holder = Holder("task_run", run.id)
    for limit in (id, free):
        assert slots.application.write(acquire, [limit], 60, holder=holder)

    assert run.propose("RUNNING").status == "ACCEPT"
    assert slots.taken(id) == 1
    run.propose("COMPLETED")

    assert (slots.taken(id), slots.taken(free)) == (0, 1)


def test_a_subflow_that_ends_gives_back_the_slots_of_its_placeholder(
    runs: Runs, slots: Slots
) -> None:
    tag, id = slots.tag(1)
    placeholder = runs.task_run(tags=[tag], flow_run_id=runs.flow_run("RUNNING").id)
    placeholder.propose("RUNNING")
    child = runs.flow_run("RUNNING", parent_task_run_id=placeholder.id)
    child.propose("COMPLETED")
    assert slots.taken(id) == 0


def test_a_task_ends_though_the_limit_of_its_tag_is_gone(runs: Runs, slots: Slots) -> None:
    tag, id = slots.tag(1)
    run = running(runs, tag)
    slots.delete(id)
    assert run.propose("COMPLETED").status == "ACCEPT"


def test_an_inactive_limit_of_a_tag_gets_its_slot_back(runs: Runs, slots: Slots) -> None:
    tag, id = slots.tag(1)
    run = running(runs, tag)
    slots.change(id, active=False)
    run.propose("COMPLETED")
    assert slots.taken(id) == 0
