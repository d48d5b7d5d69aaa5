"""Slots are nobody's but their holder's, and nothing that is gone stands in a run's way."""

from __future__ import annotations

from uuid import uuid4

import pytest

from ephemeral_server.database.tables import deployment
from ephemeral_server.database.transaction import Transaction
from tests.orchestration.runs import Runs
from tests.orchestration.slots import NEW, Slots

# Nobody's slot but one's own


@pytest.mark.parametrize("initial", ["PENDING", "RUNNING", "CANCELLING"])
def test_a_run_that_never_had_a_slot_gives_none_back(
    runs: Runs, slots: Slots, initial: str
) -> None:
    limit = slots.new(1)
    deployment_id = slots.deployment(limit)
    other = slots.running(deployment_id)
    run = runs.flow_run(initial, deployment_id=deployment_id)
    run.propose("CANCELLED", headers=NEW)
    assert slots.taken(limit) == 1
    assert len(slots.held(other)) == 1


@pytest.mark.parametrize("force", [False, True])
def test_a_lease_that_a_state_was_copied_with_stays_with_its_run(
    runs: Runs, slots: Slots, force: bool
) -> None:
    limit = slots.new(2)
    deployment_id = slots.deployment(limit)
    other = slots.running(deployment_id)
    copied = slots.named(other)

    run = runs.flow_run("RUNNING", deployment_id=deployment_id)
    run.propose(
        "RUNNING", "Again", force=force, headers=NEW, deployment_concurrency_lease_id=copied
    )
    run.propose("COMPLETED", force=force, headers=NEW)

    assert (slots.taken(limit), [lease.id for lease in slots.held(other)]) == (1, [copied])


def test_another_runs_lease_is_not_taken_for_a_slot(runs: Runs, slots: Slots) -> None:
    limit = slots.new(1)
    deployment_id = slots.deployment(limit)
    other = slots.running(deployment_id)
    run = runs.flow_run(
        "PENDING",
        deployment_id=deployment_id,
        state_deployment_concurrency_lease_id=slots.named(other),
    )
    assert run.propose("RUNNING", headers=NEW).type == "CANCELLED"
    assert slots.taken(limit) == 1


def test_a_lease_that_is_overwritten_is_given_back_all_the_same(slots: Slots) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    run.propose("RUNNING", headers=NEW, deployment_concurrency_lease_id=str(uuid4()))
    run.propose("COMPLETED", headers=NEW)
    assert (slots.taken(limit), slots.held(run)) == (0, [])


@pytest.mark.parametrize("type", ["PENDING", "RUNNING", "CANCELLING", "PAUSED"])
def test_a_forced_state_keeps_the_lease_as_long_as_there_is_one(slots: Slots, type: str) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    lease_id = slots.named(run)

    run.propose(type, force=True)

    assert (slots.taken(limit), slots.named(run)) == (1, lease_id)
    run.propose("FAILED", force=True)
    assert slots.taken(limit) == 0
    assert slots.named(run) == lease_id
    run.propose("PENDING", force=True)
    assert slots.named(run) is None


def test_a_run_that_was_forced_to_start_anew_is_not_cancelled_for_a_lost_slot(
    runs: Runs, slots: Slots
) -> None:
    limit = slots.new(1)
    deployment_id = slots.deployment(limit)
    run = slots.running(deployment_id)
    run.propose("CRASHED", headers=NEW)
    slots.running(deployment_id)

    run.propose("PENDING", force=True)

    assert run.propose("RUNNING", headers=NEW).status == "ACCEPT"
    run.propose("COMPLETED", headers=NEW)
    assert slots.taken(limit) == 1


# What is gone


def test_an_inactive_limit_gets_its_slot_back(slots: Slots) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    slots.change(limit, active=False)
    answer = run.propose("COMPLETED", headers=NEW)
    assert (answer.code, answer.status) == (201, "ACCEPT")
    assert slots.taken(limit) == 0


def test_a_run_whose_limit_is_gone_can_end(slots: Slots) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    slots.delete(limit)
    assert run.propose("COMPLETED", headers=NEW).status == "ACCEPT"
    assert slots.held(run) == []


def test_a_run_whose_deployment_is_gone_can_end(slots: Slots) -> None:
    limit = slots.new(1)
    deployment_id = slots.deployment(limit)
    run = slots.running(deployment_id)
    slots.drop(deployment_id)
    assert run.propose("COMPLETED", headers=NEW).status == "ACCEPT"
    assert (slots.taken(limit), slots.held(run)) == (0, [])


def test_a_pending_run_whose_deployment_is_gone_can_start(slots: Slots) -> None:
    limit = slots.new(1)
    deployment_id = slots.deployment(limit)
    run = slots.pending(deployment_id)
    slots.drop(deployment_id)
    assert run.propose("RUNNING", headers=NEW).status == "ACCEPT"
    assert slots.taken(limit) == 1


def test_another_limit_of_the_deployment_leaves_the_slot_where_it_was_taken(slots: Slots) -> None:
    first, second = slots.new(1), slots.new(1, active_slots=1)
    deployment_id = slots.deployment(first)
    run = slots.running(deployment_id)

    def relink(tx: Transaction) -> None:
        row = deployment.c.id == deployment_id
        statement = deployment.update().where(row).values(concurrency_limit_id=second)
        tx.connection.execute(statement)

    slots.application.write(relink)
    run.propose("COMPLETED", headers=NEW)
    assert (slots.taken(first), slots.taken(second)) == (0, 1)
