"""Batches form, failing events are found and tried again, nothing is lost at the end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.events import batching
from ephemeral_server.events.batching import BatchingConsumer, Refused
from ephemeral_server.events.model import Event
from tests.events.support import an_event, received

SIZE = 8


class Written:
    """A database in the small: takes batches, or fails as it is told.

    Attributes:
        batches: the ids of each batch that was taken.
        tries: how often each id was given.
        fails: ids that make every batch fail that they are in.
        refuses: ids that are left out; true if that is final.
        error: raised by every batch as long as it is set.
        gate: batches wait for it.
    """

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.tries: dict[str, int] = {}
        self.fails: set[str] = set()
        self.refuses: dict[str, bool] = {}
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.changed = asyncio.Condition()

    @property
    def ids(self) -> list[str]:
        return [id for batch in self.batches for id in batch]

    async def write(self, events: list[Event]) -> list[Refused]:
        await self.gate.wait()
        async with self.changed:
            for event in events:
                self.tries[event.id] = self.tries.get(event.id, 0) + 1
            self.changed.notify_all()
        if self.error is not None:
            raise self.error
        if bad := self.fails.intersection(event.id for event in events):
            raise ValueError(f"cannot write {sorted(bad)}")
        refused = [
            Refused(event, "not now", self.refuses[event.id])
            for event in events
            if event.id in self.refuses
        ]
        self.batches.append([event.id for event in events if event.id not in self.refuses])
        return refused

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when a batch is given and `condition` holds."""
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(condition), 20)


def consumer_of(
    test: Callable[[BatchingConsumer, Written], Coroutine[Any, Any, None]], linger: float = 0.01
) -> None:
    """Run `test` with a consumer; afterwards no task of its may be left."""

    async def run() -> None:
        written = Written()
        consumer = BatchingConsumer("Test", written.write, size=SIZE, linger=linger)
        await test(consumer, written)
        written.gate.set()
        await consumer.stop()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def events(number: int) -> list[Event]:
    return [received(an_event()) for _ in range(number)]


def ids(some: list[Event]) -> list[str]:
    return [event.id for event in some]


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same number of retries, sooner."""
    monkeypatch.setattr(batching, "RETRY_DELAYS", (0.001, 0.002, 0.004, 0.008))
    monkeypatch.setattr(batching, "OUTAGE_DELAY", 0.001)


def test_events_that_come_together_are_one_batch_in_order() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        some = events(3)
        for event in some:
            consumer.offer([event])
        await written.until(lambda: len(written.tries) == 3)
        assert written.batches == [ids(some)]

    consumer_of(test)


def test_a_full_batch_does_not_linger() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        for event in events(SIZE):
            consumer.offer([event])
        await written.until(lambda: len(written.tries) == SIZE)

    consumer_of(test, linger=3600)


def test_no_batch_is_larger_than_its_size() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        some = events(2 * SIZE + 1)
        consumer.offer(some)
        await consumer.drain()
        assert [len(batch) for batch in written.batches] == [SIZE, SIZE, 1]
        assert written.ids == ids(some)

    consumer_of(test)


def test_drain_writes_at_once() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        some = events(1)
        consumer.offer(some)
        await consumer.drain()
        assert written.ids == ids(some)

    consumer_of(test, linger=3600)


def test_drain_includes_the_batch_that_is_being_written() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        written.gate.clear()
        some = events(SIZE + 1)
        consumer.offer(some[:SIZE])
        await asyncio.sleep(0)
        drain = asyncio.ensure_future(consumer.drain())
        consumer.offer(some[SIZE:])
        written.gate.set()
        await drain
        assert written.ids == ids(some)

    consumer_of(test, linger=3600)


def test_drain_of_an_idle_consumer_returns() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        await consumer.drain()
        consumer.offer(events(1))
        await consumer.drain()
        await consumer.drain()
        assert len(written.batches) == 1

    consumer_of(test)


def test_no_task_is_left_when_nothing_is_queued() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        consumer.offer(events(3))
        await consumer.drain()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    consumer_of(test)


def test_stop_writes_a_full_queue() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        some = events(batching.FULL_COUNT)
        consumer.offer(some)
        assert consumer.full
        await consumer.stop()
        assert written.ids == ids(some)

    consumer_of(test, linger=3600)


def test_stop_writes_what_comes_while_it_stops() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        written.gate.clear()
        first, late = events(1), events(1)
        consumer.offer(first)
        stopping = asyncio.ensure_future(consumer.stop())
        await asyncio.sleep(0)
        consumer.offer(late)
        written.gate.set()
        await stopping
        assert written.ids == ids(first + late)

    consumer_of(test)


def test_what_comes_after_the_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        await consumer.stop()
        [event] = events(1)
        consumer.offer([event])
        assert event.id in caplog.text

    consumer_of(test)


def test_one_failing_event_does_not_take_its_batch_along(quick_retries: None) -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        some = events(SIZE)
        written.fails = {some[5].id}
        consumer.offer(some)
        await consumer.drain()
        assert sorted(written.ids) == sorted(ids(some[:5] + some[6:]))

    consumer_of(test)


def test_a_failing_event_does_not_hold_up_later_ones() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        [bad], good = events(1), events(1)
        written.fails = {bad.id}
        consumer.offer([bad])
        await written.until(lambda: bad.id in written.tries)
        consumer.offer(good)
        await written.until(lambda: good[0].id in written.tries)
        assert written.ids == ids(good)
        assert written.tries[bad.id] < 1 + len(batching.RETRY_DELAYS)
        written.fails = set()

    consumer_of(test)


def test_a_failing_event_is_dropped_after_five_tries_and_logged(
    quick_retries: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        [bad] = events(1)
        written.fails = {bad.id}
        consumer.offer([bad])
        await written.until(lambda: written.tries.get(bad.id) == 5)
        await consumer.drain()
        assert written.tries[bad.id] == 5
        [record] = caplog.records
        assert bad.id in record.getMessage()
        assert "cannot write" in record.getMessage()

    consumer_of(test)


def test_the_pauses_between_tries_grow() -> None:
    delays = list(batching.RETRY_DELAYS)
    assert len(delays) == 4
    assert delays == sorted(set(delays))


def test_an_event_that_can_be_written_later_is_written_later(quick_retries: None) -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        some = events(3)
        written.refuses = {some[1].id: False}
        consumer.offer(some)
        await written.until(lambda: written.tries.get(some[1].id) == 2)
        assert written.batches[0] == ids([some[0], some[2]])
        written.refuses = {}
        await written.until(lambda: some[1].id in written.ids or written.tries[some[1].id] == 3)
        await consumer.drain()
        assert sorted(written.ids) == sorted(ids(some))

    consumer_of(test)


def test_an_event_that_never_can_be_written_is_tried_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        [bad] = events(1)
        written.refuses = {bad.id: True}
        consumer.offer([bad])
        await consumer.stop()
        assert written.tries[bad.id] == 1
        assert f"{bad.id} (cake.baked) is dropped: not now" in caplog.text

    consumer_of(test)


def test_drain_tries_once_more_what_could_not_be_written() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        [event] = events(1)
        written.refuses = {event.id: False}
        consumer.offer([event])
        await consumer.drain()
        assert written.ids == []
        written.refuses = {}
        await consumer.drain()
        assert written.ids == [event.id]

    consumer_of(test)


def test_stop_gives_up_what_cannot_be_written_in_a_second(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(batching, "PATIENCE", 0.05)

    async def test(consumer: BatchingConsumer, written: Written) -> None:
        [event] = events(1)
        written.refuses = {event.id: False}
        consumer.offer([event])
        await consumer.stop()
        assert f"{event.id} (cake.baked) is dropped: not now" in caplog.text

    consumer_of(test)


def test_nothing_is_dropped_while_the_database_is_away(quick_retries: None) -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        some = events(3)
        written.error = ConnectionRefusedError("nobody listens")
        consumer.offer(some)
        await written.until(lambda: written.tries.get(some[0].id) == 20)
        written.error = None
        await consumer.drain()
        assert written.batches == [ids(some)]

    consumer_of(test)


def test_a_busy_file_of_another_process_is_waited_for(quick_retries: None) -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        some = events(2)
        written.error = sqlite3.OperationalError("database is locked")
        consumer.offer(some)
        await written.until(lambda: written.tries.get(some[0].id) == 10)
        written.error = None
        await consumer.drain()
        assert written.batches == [ids(some)]

    consumer_of(test)


def test_stop_without_a_database_ends_and_names_what_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(batching, "PATIENCE", 0.05)
    monkeypatch.setattr(batching, "OUTAGE_DELAY", 0.02)

    async def test(consumer: BatchingConsumer, written: Written) -> None:
        some = events(2)
        written.error = ConnectionRefusedError("nobody listens")
        consumer.offer(some)
        await consumer.stop()
        for event in some:
            assert f"{event.id} (cake.baked) is dropped: the database cannot" in caplog.text
        assert not consumer.full

    consumer_of(test)


def test_events_for_a_closed_database_are_lost_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        [event] = events(1)
        written.error = DatabaseClosedError("The database is closed.")
        consumer.offer([event])
        await consumer.drain()
        assert f"{event.id} (cake.baked) is dropped: The database is closed." in caplog.text

    consumer_of(test)


def test_a_full_consumer_has_room_again_when_events_are_written() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        written.gate.clear()
        consumer.offer(events(batching.FULL_COUNT))
        assert consumer.full
        waiting = asyncio.ensure_future(consumer.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        written.gate.set()
        await waiting
        assert not consumer.full

    consumer_of(test)


def test_few_large_events_make_a_consumer_full_too() -> None:
    async def test(consumer: BatchingConsumer, written: Written) -> None:
        large = [received(an_event(payload={"x": "y" * (batching.FULL_BYTES // 4)}))] * 4
        consumer.offer(large)
        assert consumer.full
        await consumer.drain()
        assert not consumer.full

    consumer_of(test)
