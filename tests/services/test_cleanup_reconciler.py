"""Cleanup messages whose workers fell silent are for others, and those that are done go."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from ephemeral_server.database.tables import cleanup_message
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.services.cleanup_reconciler import Reconciled
from ephemeral_server.workers.cleanup import queue as cleanup_queue
from tests.application import Application
from tests.services.passes import Passes
from tests.workers.pools import Pool
from tests.workers.queue import LEASE, MOST, Queue, taker


@pytest.fixture
def queue(application: Application) -> Queue:
    """The cleanup messages of a pool; there are no others."""

    def work(tx: Transaction) -> None:
        tx.connection.execute(delete(cleanup_message))

    application.write(work)
    return Queue(Pool(application))


def test_a_lease_that_runs_is_left_alone(queue: Queue, passes: Passes) -> None:
    queue.put()
    delivery = queue.take()
    queue.clock.advance(LEASE - 0.001)
    assert passes.cleanup_reconciler() == Reconciled()
    assert queue.operate("renew", delivery).status == "accepted"
    queue.clock.advance(1)
    assert passes.cleanup_reconciler() == Reconciled()
    queue.operate("ack", delivery)


def test_a_lease_that_is_over_is_ended_once(queue: Queue, passes: Passes) -> None:
    queue.put()
    delivery = queue.take()
    queue.clock.advance(LEASE)
    assert passes.cleanup_reconciler() == Reconciled(expired=1)
    assert queue.status(delivery) == "READY"
    assert passes.cleanup_reconciler() == Reconciled()
    assert queue.operate("ack", delivery).status == "not_current"
    assert queue.take().count == 2


def test_the_last_lease_that_is_over_ends_the_message(queue: Queue, passes: Passes) -> None:
    queue.put()
    for _ in range(MOST):
        delivery = queue.take()
        queue.clock.advance(LEASE)
        assert passes.cleanup_reconciler() == Reconciled(expired=1)
    assert queue.status(delivery) == "DEAD"


def test_any_number_of_leases_is_ended(
    queue: Queue, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup_queue, "BATCH", 3)
    for _ in range(7):
        queue.put()
    queue.reserve(*(taker(str(number)) for number in range(7)))
    queue.clock.advance(LEASE)
    assert passes.cleanup_reconciler() == Reconciled(expired=7)


def test_what_is_done_is_remembered_for_as_long_as_is_set(queue: Queue, passes: Passes) -> None:
    queue.put(key="a")
    queue.operate("ack", queue.take())
    queue.clock.advance(1000)
    assert passes.cleanup_reconciler() == Reconciled()
    assert passes.cleanup_reconciler(cleanup_retention_seconds=1000.001) == Reconciled()
    assert passes.cleanup_reconciler(cleanup_retention_seconds=1000) == Reconciled(forgotten=1)
    assert queue.put(key="a")
