"""Which worker gets which cleanup message, how often, and for how long."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest

from tests.application import Application
from tests.workers.pools import Pool
from tests.workers.queue import LEASE, MOST, Queue, subject, taker
from tests.workers.said import CLAIM

# What comes in


def test_a_message_is_put_in_once_whatever_became_of_it(queue: Queue) -> None:
    assert queue.put(key="a")
    assert not queue.put(key="a")
    delivery = queue.take()
    assert not queue.put(key="a")
    assert queue.operate("ack", delivery).status == "accepted"
    assert not queue.put(key="a")
    assert queue.is_empty()


def test_pools_have_messages_of_the_same_key(application: Application, queue: Queue) -> None:
    other = Queue(Pool(application))
    assert queue.put(key="a")
    assert other.put(key="a")
    assert queue.take().message_id != other.take().message_id


def test_a_message_goes_with_its_pool(queue: Queue) -> None:
    queue.put()
    queue.pool.delete()
    assert queue.is_empty()


# Who gets it


def test_a_delivery_tells_all_of_the_message(queue: Queue) -> None:
    work_queue_id = str(uuid4())
    queue.put("run", work_queue_id=work_queue_id)
    delivery = queue.take()
    assert (subject(delivery), delivery.count, delivery.data) == ("run", 1, "{}")
    assert delivery.work_queue_id == work_queue_id
    assert delivery.lease_expires_at == queue.clock.now() + LEASE * 1_000_000
    assert len(delivery.token) > 30


def test_messages_go_out_in_the_order_of_their_coming(queue: Queue) -> None:
    for name in "abc":
        queue.put(name)
    assert queue.subjects(*map(taker, ("x", "y", "z"))) == ["a", "b", "c"]


def test_a_message_goes_to_one_worker(queue: Queue) -> None:
    queue.put("a")
    assert queue.subjects(taker("x"), taker("y")) == ["a", None]
    assert queue.is_empty()


def test_a_message_of_another_pool_is_not_given(application: Application, queue: Queue) -> None:
    Queue(Pool(application)).put()
    assert queue.is_empty()


def test_a_worker_of_the_queue_goes_first(queue: Queue) -> None:
    here, elsewhere = str(uuid4()), str(uuid4())
    queue.put("a", work_queue_id=here)
    queue.put("b")
    workers = taker("x", queues=(elsewhere,)), taker("y", queues=(elsewhere, here)), taker("z")
    assert queue.subjects(*workers) == ["b", "a", None]


def test_any_worker_gets_it_if_those_of_the_queue_have_enough_to_do(queue: Queue) -> None:
    here = str(uuid4())
    for name in "ab":
        queue.put(name, work_queue_id=here)
    near, far = taker("near", queues=(here,)), taker("far")
    assert queue.subjects(far, near) == ["b", "a"]


def test_a_worker_gets_only_what_it_can_do_with(queue: Queue) -> None:
    queue.put("a", kind=CLAIM)
    queue.put("b")
    assert queue.subjects(taker("x"), taker("y"), taker("z", kind=CLAIM)) == ["b", None, "a"]


def test_a_worker_has_no_more_messages_at_a_time_than_it_takes(queue: Queue) -> None:
    for name in "abcd":
        queue.put(name)
    worker = taker(most=2)
    first = queue.take(worker)
    queue.take(worker)
    assert queue.reserve(worker) == [None]
    queue.operate("ack", first)
    assert subject(queue.take(worker)) == "c"


def test_two_connections_of_a_worker_count_as_one(queue: Queue) -> None:
    for name in "ab":
        queue.put(name)
    assert queue.subjects(taker("x"), taker("x"), taker("y")) == ["a", None, "b"]


# How often, and for how long


def test_a_lease_that_is_over_gives_the_message_to_the_next(queue: Queue) -> None:
    queue.put("a")
    first = queue.take()
    queue.clock.advance(LEASE - 0.001)
    assert queue.is_empty()
    queue.clock.advance(0.001)
    second = queue.take()
    assert (second.message_id, second.count) == (first.message_id, 2)
    assert second.token != first.token


def test_a_lease_that_is_over_makes_room(queue: Queue) -> None:
    queue.put("a")
    queue.take()
    queue.clock.advance(LEASE)
    queue.put("b")
    [delivery] = queue.reserve(taker(most=1))
    assert delivery is not None
    assert subject(delivery) == "a"


def test_a_message_that_was_released_goes_first_again(queue: Queue) -> None:
    for name in "ab":
        queue.put(name)
    assert queue.operate("release", queue.take()).status == "accepted"
    assert queue.subjects(taker("x"), taker("y")) == ["a", "b"]


@pytest.mark.parametrize("by_release", [True, False])
def test_a_message_is_given_up_after_enough_deliveries(
    queue: Queue, caplog: pytest.LogCaptureFixture, by_release: bool
) -> None:
    queue.put("a")
    for count in range(1, MOST + 1):
        delivery = queue.take()
        assert delivery.count == count
        if by_release:
            queue.operate("release", delivery)
        else:
            queue.clock.advance(LEASE)
    assert queue.is_empty()
    assert queue.status(delivery) == "DEAD"
    [record] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "is given up" in record.getMessage()
    assert not queue.put("a", key="other") or queue.take().count == 1


def test_a_delivery_that_did_not_arrive_does_not_count(queue: Queue) -> None:
    queue.put("a")
    for _ in range(MOST + 1):
        delivery = queue.take()
        assert delivery.count == 1
        queue.withdraw(delivery)


def test_a_delivery_that_is_over_cannot_be_withdrawn(queue: Queue) -> None:
    queue.put("a")
    old = queue.take()
    queue.operate("release", old)
    present = queue.take()
    queue.withdraw(old)
    assert queue.operate("ack", present).status == "accepted"
