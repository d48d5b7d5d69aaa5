"""Cleanup messages over the channel: they get to the workers at once, and to one at a time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.database import Transaction
from ephemeral_server.workers.channel import connection, dispatching
from ephemeral_server.workers.cleanup import deliveries
from ephemeral_server.workers.cleanup.queue import enqueue
from tests.application import Application
from tests.workers.pools import Pool
from tests.workers.queue import LEASE, Queue
from tests.workers.said import CLEANER, TIMEOUT, Json
from tests.workers.talking import PATIENCE, TalkingWorker, working


@pytest.fixture(autouse=True)
def never_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker gets, it gets because the dispatcher was woken."""
    monkeypatch.setattr(dispatching, "LOOK_SECONDS", 3600)


def about(payload: Json) -> str:
    """What a delivered message is about."""
    text: str = payload["target"]["about"]
    return text


def put_all(tx: Transaction, queue: Queue, names: str) -> None:
    """Put in messages at once."""
    for name in names:
        enqueue(tx, queue.pool.id, TIMEOUT, {"about": name}, key=name)


def answer(worker: TalkingWorker, operation: str, payload: Json) -> Json:
    return worker.operate(operation, payload["message_id"], payload["reservation_token"])


def test_a_message_that_waits_is_delivered_to_a_worker_that_comes(
    application: Application, queue: Queue
) -> None:
    work_queue_id = str(uuid4())
    queue.put("run", work_queue_id=work_queue_id)
    with working(application, queue.pool.name, **CLEANER) as worker:
        payload = worker.delivery()
    assert payload.pop("message_id")
    assert payload.pop("reservation_token")
    assert payload.pop("lease_expires_at").endswith("Z")
    assert payload == {
        "delivery_count": 1,
        "work_queue_id": work_queue_id,
        "kind": TIMEOUT,
        "target": {"about": "run"},
        "data": {},
    }


def test_a_message_that_comes_is_delivered_to_a_worker_that_waits(
    application: Application, queue: Queue
) -> None:
    with working(application, queue.pool.name, **CLEANER) as worker:
        for name in "ab":
            queue.put(name)
            payload = worker.delivery()
            assert about(payload) == name
            assert answer(worker, "ack", payload) == {
                "message_id": payload["message_id"],
                "operation": "ack",
                "status": "accepted",
                "lease_expires_at": None,
                "reason": None,
                "detail": None,
            }


def test_a_renewal_tells_until_when(application: Application, queue: Queue) -> None:
    with working(application, queue.pool.name, **CLEANER) as worker:
        queue.put()
        payload = worker.delivery()
        application.clock.advance(10)
        renewed = answer(worker, "renew", payload)
    assert renewed["status"] == "accepted"
    assert renewed["lease_expires_at"] > payload["lease_expires_at"]


def test_a_worker_gets_as_many_as_it_takes(application: Application, queue: Queue) -> None:
    for name in "abc":
        queue.put(name)
    given = {**CLEANER, "max_cleanup_concurrency": 2}
    with working(application, queue.pool.name, **given) as worker:
        first = worker.delivery()
        assert (about(first), about(worker.delivery())) == ("a", "b")
        # The third comes behind the answer, so it did not come before.
        answer(worker, "ack", first)
        assert about(worker.delivery()) == "c"


def test_any_number_of_workers_is_given_messages(
    application: Application, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "AT_ONCE", 2)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                working(application, queue.pool.name, worker_name=str(number), **CLEANER)
            )
            for number in range(5)
        ]
        application.write(put_all, queue, "01234")
        assert {about(worker.delivery()) for worker in workers} == set("01234")


def test_workers_take_turns(application: Application, queue: Queue) -> None:
    given = {**CLEANER, "max_cleanup_concurrency": 9}
    name = queue.pool.name
    with (
        working(application, name, worker_name="1", **given) as one,
        working(application, name, worker_name="2", **given) as two,
        working(application, name, worker_name="3", **given) as three,
    ):
        for worker in (one, two, three, one, two, three):
            queue.put(worker.hello["worker_name"])
            assert about(worker.delivery()) == worker.hello["worker_name"]


def test_a_worker_of_the_queue_is_asked_first(application: Application, queue: Queue) -> None:
    here = queue.pool.queue("here")
    name = queue.pool.name
    with (
        working(
            application, name, worker_name="far", work_queue_names=["default"], **CLEANER
        ) as far,
        working(
            application, name, worker_name="near", work_queue_names=["here"], **CLEANER
        ) as near,
    ):
        for worker in (near, far):  # the second time near has something to do
            queue.put(work_queue_id=here)
            worker.delivery()


def test_a_released_message_is_delivered_to_the_next_worker(
    application: Application, queue: Queue
) -> None:
    name = queue.pool.name
    with (
        working(application, name, worker_name="1", **CLEANER) as one,
        working(application, name, worker_name="2", **CLEANER) as two,
    ):
        queue.put()
        answer(one, "release", one.delivery())
        assert two.delivery()["delivery_count"] == 2


def test_another_connection_may_answer(application: Application, queue: Queue) -> None:
    name = queue.pool.name
    with working(application, name, **CLEANER) as worker:
        queue.put()
        payload = worker.delivery()
    with working(application, name, worker_name="other", **CLEANER) as other:
        assert answer(other, "ack", payload)["status"] == "accepted"


def test_what_a_worker_has_to_do_outlives_its_connection(
    application: Application, queue: Queue
) -> None:
    consumer = {"consumer_id": str(uuid4()), **CLEANER}
    for name in "ab":
        queue.put(name)
    with working(application, queue.pool.name, **consumer) as worker:
        payload = worker.delivery()
    with working(application, queue.pool.name, **consumer) as worker:
        answer(worker, "ack", payload)  # is answered first: nothing was delivered before
        assert about(worker.delivery()) == "b"


@pytest.mark.parametrize(
    "changes", [{}, {**CLEANER, "max_cleanup_concurrency": 0}], ids=["not asked for", "none"]
)
def test_a_worker_that_takes_no_messages_gets_none(
    application: Application, queue: Queue, changes: Json
) -> None:
    queue.put()
    with working(application, queue.pool.name, **changes) as worker:
        result = worker.operate("ack", str(uuid4()), "token")
    assert (result["status"], result["reason"]) == ("unauthorized", "cleanup_delivery_not_accepted")


def test_a_failure_of_the_queue_is_told_and_the_channel_lives(
    application: Application,
    queue: Queue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(tx: Transaction, *given: object) -> None:
        raise OSError("disk full")

    with working(application, queue.pool.name, **CLEANER) as worker:
        queue.put()
        payload = worker.delivery()
        with monkeypatch.context() as patch:
            patch.setattr(connection, "operate", fails)
            result = answer(worker, "ack", payload)
        assert (result["status"], result["reason"]) == ("error", "cleanup_queue_operation_failed")
        assert answer(worker, "ack", payload)["status"] == "accepted"
    assert [each.levelno for each in caplog.records].count(logging.ERROR) == 1


def test_a_message_that_was_not_sent_goes_to_another_worker(
    application: Application, queue: Queue
) -> None:
    """The worker does not read, and then it is gone."""
    name = queue.pool.name
    with working(application, name, worker_name="slow", **CLEANER) as slow:
        slow.stop_reading()
        queue.put("a")
        application.wait(asyncio.sleep(0.02))  # the slow one was given it
        with working(application, name, worker_name="quick", **CLEANER) as quick:
            queue.put("b")
            assert about(quick.delivery()) == "b"
            slow.break_off()
            answer(quick, "ack", {"message_id": str(uuid4()), "reservation_token": "x"})
            assert quick.is_quiet()  # it has one already
        with working(application, name, worker_name="next", **CLEANER) as other:
            payload = other.delivery()
    assert (about(payload), payload["delivery_count"]) == ("a", 1)


def test_a_look_finds_what_no_notice_tells_of(
    application: Application, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message of another process, and a lease that is over."""
    monkeypatch.setattr(dispatching, "LOOK_SECONDS", 0.01)
    name = queue.pool.name
    with (
        working(application, name, worker_name="1", **CLEANER),
        working(application, name, worker_name="2", **CLEANER) as two,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(application.runtime.database.notices, "_listeners", {})
            for _ in range(2):
                queue.put()
        assert two.delivery()["delivery_count"] == 1
    with working(application, name, worker_name="3", **CLEANER) as three:
        application.clock.advance(LEASE)
        assert three.delivery()["delivery_count"] == 2


def test_dispatching_goes_on_after_a_failure(
    application: Application,
    queue: Queue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(dispatching, "LOOK_SECONDS", 0.01)
    failures = iter([OSError("disk full")])
    reserve = deliveries.reserve

    def fails_once(*given: Any) -> Any:
        for failure in failures:
            raise failure
        return reserve(*given)

    monkeypatch.setattr(deliveries, "reserve", fails_once)
    queue.put()
    with working(application, queue.pool.name, **CLEANER) as worker:
        worker.delivery()
    assert [each.levelno for each in caplog.records].count(logging.ERROR) == 1


def test_nothing_is_dispatched_when_all_have_gone(application: Application, pool: Pool) -> None:
    with working(application, pool.name, **CLEANER):
        pass
    dispatcher = application.runtime.worker_channels.dispatcher
    assert dispatcher._task is not None
    application.wait(asyncio.wait_for(dispatcher._task, PATIENCE))
    assert dispatcher._takers == {}
