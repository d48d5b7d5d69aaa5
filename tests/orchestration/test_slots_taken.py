"""Flow runs that go to a worker or start, where their deployment has a concurrency limit."""

from __future__ import annotations

from uuid import uuid4

import pytest

from ephemeral_server.clock import SECOND
from ephemeral_server.limits.leases import Holder
from tests.orchestration.runs import Run, Runs
from tests.orchestration.slots import LEASE, NEW, OLD, UNKNOWN, Slots, client

NONE = "none"
FULL = "Deployment concurrency limit reached."

#: The states from which a run goes to a worker, each with a slot.
TO_WORKER = pytest.mark.parametrize(
    "initial", [NONE, "SCHEDULED", "COMPLETED", "FAILED", "CRASHED"]
)


def run_in(runs: Runs, initial: str, deployment_id: str | None) -> Run:
    if initial == NONE:
        return runs.stateless_flow_run(deployment_id=deployment_id)
    return runs.flow_run(initial, deployment_id=deployment_id)


# To PENDING


@TO_WORKER
def test_a_worker_gets_a_run_with_a_slot(runs: Runs, slots: Slots, initial: str) -> None:
    limit = slots.new(2)
    run = run_in(runs, initial, slots.deployment(limit))

    answer = run.propose("PENDING", headers=NEW)

    assert (answer.code, answer.status, answer.type) == (201, "ACCEPT", "PENDING")
    assert slots.taken(limit) == 1
    [lease] = slots.leases(limit)
    assert lease.id == slots.named(run)
    assert (lease.holder, lease.slots) == (Holder("flow_run", run.id), 1)
    assert lease.expiration == runs.clock.now() + 300 * SECOND


@TO_WORKER
@pytest.mark.parametrize("options", [{}, {"collision_strategy": "ENQUEUE"}], ids=["unset", "set"])
def test_without_a_slot_a_run_waits(
    runs: Runs, slots: Slots, initial: str, options: dict[str, str]
) -> None:
    run = run_in(runs, initial, slots.deployment(slots.new(1, active_slots=1), **options))

    answer = run.propose("PENDING", headers=NEW)

    assert (answer.code, answer.status, answer.reason) == (201, "REJECT", FULL)
    assert (answer.type, answer.name) == ("SCHEDULED", "AwaitingConcurrencySlot")
    details = run.state["state_details"]
    assert (details["scheduled_time"], details[LEASE]) == (runs.now(30), None)
    assert slots.held(run) == []


@TO_WORKER
def test_without_a_slot_a_run_is_cancelled_where_new_ones_are(
    runs: Runs, slots: Slots, initial: str
) -> None:
    limit = slots.new(1, active_slots=1)
    run = run_in(runs, initial, slots.deployment(limit, collision_strategy="CANCEL_NEW"))

    answer = run.propose("PENDING", headers=NEW)

    assert (answer.code, answer.status, answer.reason) == (201, "REJECT", FULL)
    assert (answer.type, answer.name) == ("CANCELLED", "Cancelled")
    assert run.state["message"] == FULL
    assert slots.taken(limit) == 1


@TO_WORKER
def test_a_limit_of_none_lets_no_run_through(runs: Runs, slots: Slots, initial: str) -> None:
    run = run_in(runs, initial, slots.deployment(slots.new(0), collision_strategy="CANCEL_NEW"))
    answer = run.propose("PENDING", headers=NEW)
    assert (answer.code, answer.status) == (200, "ABORT")
    assert answer.reason == (
        "The deployment concurrency limit is 0. The flow will deadlock if submitted again."
    )


@TO_WORKER
def test_a_run_whose_deployment_is_gone_goes_to_no_worker(
    runs: Runs, slots: Slots, initial: str
) -> None:
    run = run_in(runs, initial, str(uuid4()))
    answer = run.propose("PENDING", headers=NEW)
    assert (answer.code, answer.status, answer.reason) == (200, "ABORT", "Deployment not found.")


def test_an_inactive_limit_counts_as_full(runs: Runs, slots: Slots) -> None:
    run = runs.flow_run("SCHEDULED", deployment_id=slots.deployment(slots.new(5, active=False)))
    answer = run.propose("PENDING", headers=NEW)
    assert (answer.name, answer.reason) == ("AwaitingConcurrencySlot", FULL)


def test_who_waited_gets_the_slot_that_came_back(runs: Runs, slots: Slots) -> None:
    limit = slots.new(1)
    deployment_id = slots.deployment(limit)
    first, second = slots.running(deployment_id), runs.flow_run("SCHEDULED")
    second = runs.flow_run("SCHEDULED", deployment_id=deployment_id)
    assert second.propose("PENDING", headers=NEW).name == "AwaitingConcurrencySlot"
    first.propose("COMPLETED", headers=NEW)
    runs.clock.advance(30)
    assert second.propose("PENDING", headers=NEW).type == "PENDING"
    assert slots.taken(limit) == 1


def test_without_a_limit_no_lease_is_named(runs: Runs, slots: Slots) -> None:
    run = runs.flow_run("SCHEDULED", deployment_id=slots.deployment(None, grace_period_seconds=60))
    assert run.propose("PENDING", headers=NEW).status == "ACCEPT"
    assert slots.named(run) is None


def test_the_deployment_says_how_long_a_silent_run_keeps_its_slot(slots: Slots) -> None:
    limit = slots.new()
    deployment_id = slots.deployment(limit, collision_strategy="ENQUEUE", grace_period_seconds=3600)
    slots.pending(deployment_id)
    [lease] = slots.leases(limit)
    assert lease.expiration == slots.application.clock.now() + 3600 * SECOND


def test_naming_the_pending_state_takes_no_further_slot(slots: Slots) -> None:
    limit = slots.new(2)
    run = slots.pending(slots.deployment(limit))
    lease = slots.named(run)
    for name in ("Submitting", "InfrastructurePending"):
        assert (
            run.propose("PENDING", name, headers=NEW, deployment_concurrency_lease_id=None).status
            == "ACCEPT"
        )
    assert (slots.taken(limit), slots.named(run)) == (1, lease)


@pytest.mark.parametrize(
    ("initial", "status"), [("CANCELLED", "ABORT"), ("RUNNING", "ABORT"), ("PAUSED", "REJECT")]
)
@pytest.mark.parametrize("taken", [0, 1], ids=["free", "full"])
def test_where_no_way_leads_to_a_worker_slots_do_not_matter(
    runs: Runs, slots: Slots, initial: str, status: str, taken: int
) -> None:
    limit = slots.new(1, active_slots=taken)
    run = runs.flow_run(initial, deployment_id=slots.deployment(limit))
    answer = run.propose("PENDING", headers=NEW)
    assert (answer.code, answer.status, answer.type) == (200, status, initial)
    assert slots.taken(limit) == taken


@pytest.mark.parametrize("force", [True, False])
def test_making_or_forcing_a_run_takes_no_slot(runs: Runs, slots: Slots, force: bool) -> None:
    limit = slots.new(1)
    run = runs.flow_run("PENDING", deployment_id=slots.deployment(limit))
    if force:
        run.propose("SCHEDULED")
        run.propose("PENDING", force=True)
    assert slots.taken(limit) == 0


@pytest.mark.parametrize("version", ["3.0.0rc20", "3.0.0", "3.0.1", "3.0.2", "3.0.3"])
def test_workers_that_take_slots_themselves_are_given_none(
    runs: Runs, slots: Slots, version: str
) -> None:
    limit = slots.new(1, active_slots=1)
    run = runs.flow_run("SCHEDULED", deployment_id=slots.deployment(limit))
    for type in ("PENDING", "RUNNING", "COMPLETED"):
        assert run.propose(type, headers=client(version)).status == "ACCEPT"
    assert slots.taken(limit) == 1


@pytest.mark.parametrize("headers", [client("3.0.4"), OLD, UNKNOWN], ids=str)
def test_all_other_clients_are_given_slots(
    runs: Runs, slots: Slots, headers: dict[str, str]
) -> None:
    limit = slots.new(1)
    run = runs.flow_run("SCHEDULED", deployment_id=slots.deployment(limit))
    run.propose("PENDING", headers=headers)
    assert slots.taken(limit) == 1


# To RUNNING


def test_a_run_that_starts_renews_its_lease(slots: Slots) -> None:
    run = slots.pending(slots.deployment(slots.new()))
    lease_id = slots.named(run)
    slots.application.clock.advance(200)

    assert run.propose("RUNNING", headers=NEW).status == "ACCEPT"

    [lease] = slots.held(run)
    assert lease.id == lease_id == slots.named(run)
    assert lease.expiration == slots.application.clock.now() + 300 * SECOND


def test_a_run_that_lost_its_slot_takes_another(slots: Slots) -> None:
    limit = slots.new(1)
    run = slots.pending(slots.deployment(limit))
    lost = slots.named(run)
    slots.lose(run)

    assert run.propose("RUNNING", headers=NEW).status == "ACCEPT"

    [lease] = slots.leases(limit)
    assert lease.id == slots.named(run) != lost
    assert lease.holder == Holder("flow_run", run.id)
    assert slots.taken(limit) == 1


def test_a_run_that_lost_its_slot_to_another_is_cancelled(slots: Slots) -> None:
    limit = slots.new(1)
    deployment_id = slots.deployment(limit)
    run = slots.pending(deployment_id)
    slots.lose(run)
    other = slots.running(deployment_id)

    answer = run.propose("RUNNING", headers=NEW)

    assert (answer.code, answer.status, answer.type) == (201, "REJECT", "CANCELLED")
    assert answer.reason == "Deployment concurrency limit reached after lease expiry."
    assert run.state["message"] == (
        "Deployment concurrency slot lost during provisioning - no slots available to continue "
        "execution"
    )
    assert slots.taken(limit) == 1
    assert len(slots.held(other)) == 1


@pytest.mark.parametrize("headers", [OLD, UNKNOWN, client("3.4.11rc1")], ids=str)
def test_clients_that_renew_nothing_start_without_being_asked_for_their_slot(
    slots: Slots, headers: dict[str, str]
) -> None:
    limit = slots.new(1)
    run = slots.pending(slots.deployment(limit))
    slots.lose(run)
    assert run.propose("RUNNING", headers=headers).status == "ACCEPT"
    assert slots.taken(limit) == 0


@pytest.mark.parametrize(
    "version", ["3.4.11", "3.4.11+5.g1a2b3c", "3.4.11.post1", "3.5.0", "3.10.0.dev1", "4.0.0"]
)
def test_clients_from_this_version_on_renew_leases(slots: Slots, version: str) -> None:
    limit = slots.new(1)
    run = slots.pending(slots.deployment(limit))
    slots.lose(run)
    run.propose("RUNNING", headers=client(version))
    assert slots.taken(limit) == 1


def test_a_slot_that_was_taken_anew_is_given_back_if_the_run_has_to_wait(slots: Slots) -> None:
    limit = slots.new(1)
    run = slots.pending(slots.deployment(limit), scheduled_time=slots.runs.now(60))
    slots.lose(run)
    average = slots.average(limit)

    assert run.propose("RUNNING", headers=NEW).status == "WAIT"

    assert (slots.taken(limit), slots.held(run)) == (0, [])
    assert slots.average(limit) == average


def test_a_run_without_a_lease_starts_without_a_slot(runs: Runs, slots: Slots) -> None:
    limit = slots.new(1, active_slots=1)
    run = runs.flow_run("PENDING", deployment_id=slots.deployment(limit))
    assert run.propose("RUNNING", headers=NEW).status == "ACCEPT"


def test_a_deployment_that_lost_its_limit_asks_for_no_slot(slots: Slots) -> None:
    limit = slots.new(1)
    run = slots.pending(slots.deployment(limit))
    slots.delete(limit)
    for type in ("RUNNING", "COMPLETED"):
        assert run.propose(type, headers=NEW).status == "ACCEPT"
    assert slots.held(run) == []


@pytest.mark.parametrize("type", ["RUNNING", "CANCELLING"])
@pytest.mark.parametrize(
    ("headers", "expires"), [(NEW, True), (OLD, False), (UNKNOWN, False)], ids=str
)
def test_the_slot_of_who_renews_nothing_does_not_expire(
    slots: Slots, type: str, headers: dict[str, str], expires: bool
) -> None:
    limit = slots.new(1)
    run = slots.pending(slots.deployment(limit))
    run.propose(type, headers=headers)
    slots.application.clock.advance(24 * 3600)
    assert len(slots.leases(limit)) == (not expires)
    run.propose("CANCELLED", headers=headers)
    assert (slots.taken(limit), slots.held(run)) == (0, [])
