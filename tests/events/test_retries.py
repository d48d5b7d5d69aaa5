"""Failing events are found and tried again; a database that is away is waited for."""

from __future__ import annotations

import sqlite3

import pytest

from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.events import batching
from ephemeral_server.events.batching import BatchingConsumer
from tests.events.consuming import SIZE, Written, consumer_of, events, ids


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same number of retries, sooner."""
    monkeypatch.setattr(batching, "RETRY_DELAYS", (0.001, 0.002, 0.004, 0.008))
    monkeypatch.setattr(batching, "OUTAGE_DELAY", 0.001)


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
