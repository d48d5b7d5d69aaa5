"""Batches form, and nothing is lost at the end."""

from __future__ import annotations

import asyncio

import pytest

from ephemeral_server.events import batching
from ephemeral_server.events.batching import BatchingConsumer
from tests.events.consuming import SIZE, Written, consumer_of, events, ids
from tests.events.support import an_event, received


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
