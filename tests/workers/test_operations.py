"""What workers may do with the cleanup messages that they were given."""

from __future__ import annotations

from uuid import uuid4

import pytest

from ephemeral_server.clock import SECOND
from ephemeral_server.workers.cleanup.deliveries import Delivery
from ephemeral_server.workers.cleanup.operations import Operation, Result
from tests.application import Application
from tests.workers.pools import Pool
from tests.workers.queue import LEASE, MOST, Queue

ACCEPTED = Result("accepted")
NOT_FOUND = Result("not_found", "message_not_found")
NOT_CURRENT = Result("not_current", "no_active_reservation")
INVALID = Result("invalid_token", "reservation_token_mismatch")
EXPIRED = Result("expired", "lease_expired")
DEAD = Result("dead_lettered", "max_delivery_attempts_reached")

each_operation = pytest.mark.parametrize("operation", ["ack", "renew", "release"])


def delivered(queue: Queue, times: int = 1) -> Delivery:
    """A message that was delivered so often."""
    queue.put()
    for _ in range(times - 1):
        queue.operate("release", queue.take())
    return queue.take()


def test_what_is_acknowledged_is_done(queue: Queue) -> None:
    delivery = delivered(queue)
    assert queue.operate("ack", delivery) == ACCEPTED
    assert queue.status(delivery) == "DONE"
    assert queue.is_empty()


def test_a_renewed_lease_runs_anew(queue: Queue) -> None:
    delivery = delivered(queue)
    for _ in range(5):
        queue.clock.advance(LEASE - 1)
        until = queue.clock.now() + LEASE * SECOND
        assert queue.operate("renew", delivery) == Result("accepted", lease_expires_at=until)
    assert queue.operate("ack", delivery) == ACCEPTED


def test_what_is_released_is_for_somebody_else(queue: Queue) -> None:
    delivery = delivered(queue)
    assert queue.operate("release", delivery) == ACCEPTED
    assert queue.take().message_id == delivery.message_id


@each_operation
def test_a_message_that_nobody_knows(queue: Queue, operation: Operation) -> None:
    delivery = Delivery(str(uuid4()), "token", 0, 1, None, "", "", "")
    assert queue.operate(operation, delivery) == NOT_FOUND


@each_operation
def test_a_message_that_is_done(queue: Queue, operation: Operation) -> None:
    delivery = delivered(queue)
    queue.operate("ack", delivery)
    assert queue.operate(operation, delivery) == NOT_FOUND


@each_operation
def test_a_message_that_is_dead(queue: Queue, operation: Operation) -> None:
    delivery = delivered(queue, times=MOST)
    assert queue.operate("release", delivery) == DEAD
    assert queue.operate(operation, delivery) == NOT_FOUND


@each_operation
def test_a_message_of_another_pool(
    application: Application, queue: Queue, operation: Operation
) -> None:
    delivery = delivered(queue)
    other = Queue(Pool(application))
    for token in (delivery.token, "wrong"):
        assert other.operate(operation, delivery, token) == Result(
            "unauthorized", "work_pool_mismatch"
        )


@each_operation
def test_a_message_that_is_nobodys(queue: Queue, operation: Operation) -> None:
    delivery = delivered(queue)
    queue.operate("release", delivery)
    assert queue.operate(operation, delivery) == NOT_CURRENT


@each_operation
@pytest.mark.parametrize("token", ["wrong", " ", "ä", "x" * 10_000])
def test_a_wrong_token(queue: Queue, operation: Operation, token: str) -> None:
    delivery = delivered(queue)
    assert queue.operate(operation, delivery, token) == INVALID
    assert queue.operate("ack", delivery) == ACCEPTED


@each_operation
def test_the_token_of_an_earlier_delivery(queue: Queue, operation: Operation) -> None:
    earlier = delivered(queue)
    queue.operate("release", earlier)
    queue.take()
    assert queue.operate(operation, earlier) == INVALID


@each_operation
def test_a_lease_that_is_over(queue: Queue, operation: Operation) -> None:
    delivery = delivered(queue)
    queue.clock.advance(LEASE)
    assert queue.operate(operation, delivery) == EXPIRED
    assert queue.operate(operation, delivery) == NOT_CURRENT
    assert queue.take().count == 2


@each_operation
def test_a_lease_that_is_over_for_the_last_time(queue: Queue, operation: Operation) -> None:
    delivery = delivered(queue, times=MOST)
    queue.clock.advance(LEASE)
    assert queue.operate(operation, delivery) == DEAD
    assert queue.operate(operation, delivery) == NOT_FOUND
    assert queue.is_empty()


def test_the_last_delivery_may_end_well(queue: Queue) -> None:
    delivery = delivered(queue, times=MOST)
    assert queue.operate("renew", delivery).status == "accepted"
    assert queue.operate("ack", delivery) == ACCEPTED
