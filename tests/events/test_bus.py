"""Events reach every consumer; clients wait while one is full."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.clock import ManualClock
from ephemeral_server.events.bus import SEEN_AT_MOST, EventBus
from ephemeral_server.events.model import Event
from tests.events.support import NOON, an_event, received

MAXIMUM = 100_000


class Listener:
    """Keeps what it is given; full as long as it is told to be."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.events: list[Event] = []
        self._has_room = asyncio.Event()
        self._has_room.set()
        self.waited_for = asyncio.Event()

    @property
    def full(self) -> bool:
        return not self._has_room.is_set()

    @full.setter
    def full(self, value: bool) -> None:
        if value:
            self._has_room.clear()
        else:
            self._has_room.set()

    def offer(self, events: list[Event]) -> None:
        self.events += events
        self.heard += [event.id for event in events]

    async def room(self) -> None:
        self.waited_for.set()
        await self._has_room.wait()


def on_a_bus(
    test: Callable[[EventBus, Listener, ManualClock], Coroutine[Any, Any, None]],
) -> None:
    """Run `test` with a bus that has one consumer."""

    async def run() -> None:
        clock = ManualClock(NOON)
        bus, listener = EventBus(clock, MAXIMUM), Listener()
        bus.subscribe(listener)
        await test(bus, listener, clock)

    asyncio.run(run())


def an_own_event(**values: Any) -> Event:
    resource = {"prefect.resource.id": "bakery.cake.1"}
    return Event(id=str(uuid4()), occurred=NOON, event="cake.baked", resource=resource, **values)


def test_every_consumer_gets_every_event_in_order() -> None:
    async def test(bus: EventBus, first: Listener, clock: ManualClock) -> None:
        second = Listener()
        bus.subscribe(second)
        events = [an_own_event() for _ in range(3)]
        bus.publish(events)
        assert first.heard == second.heard == [event.id for event in events]

    on_a_bus(test)


def test_a_consumer_that_unsubscribed_gets_nothing_more() -> None:
    async def test(bus: EventBus, listener: Listener, clock: ManualClock) -> None:
        bus.unsubscribe(listener)
        bus.publish([an_own_event()])
        assert listener.heard == []

    on_a_bus(test)


def test_an_event_of_the_server_is_received_when_it_is_published() -> None:
    async def test(bus: EventBus, listener: Listener, clock: ManualClock) -> None:
        clock.advance(5)
        bus.publish([an_own_event(), an_own_event(received=NOON)])
        assert [event.received for event in listener.events] == [clock.now(), NOON]

    on_a_bus(test)


def test_an_event_of_the_server_that_is_no_json_is_discarded_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(bus: EventBus, listener: Listener, clock: ManualClock) -> None:
        good, bad = an_own_event(), an_own_event(payload={"what": object()})
        bus.publish([bad, good])
        assert listener.heard == [good.id]
        assert bad.id in caplog.text

    on_a_bus(test)


def test_an_event_sent_again_within_five_minutes_is_a_duplicate() -> None:
    async def test(bus: EventBus, listener: Listener, clock: ManualClock) -> None:
        event = received(an_event())
        await bus.ingest([event, event])
        clock.advance(299)
        await bus.ingest([event])
        assert listener.heard == [event.id]

    on_a_bus(test)


def test_an_event_sent_again_after_five_minutes_passes() -> None:
    async def test(bus: EventBus, listener: Listener, clock: ManualClock) -> None:
        event = received(an_event())
        await bus.ingest([event])
        clock.advance(301)
        await bus.ingest([event])
        assert listener.heard == [event.id, event.id]

    on_a_bus(test)


def test_a_bounded_number_of_ids_is_remembered() -> None:
    async def test(bus: EventBus, listener: Listener, clock: ManualClock) -> None:
        first = received(an_event())
        await bus.ingest([first])
        await bus.ingest(received(an_event()) for _ in range(SEEN_AT_MOST))
        await bus.ingest([first])
        assert listener.heard.count(first.id) == 2
        assert len(bus._seen) == SEEN_AT_MOST

    on_a_bus(test)


def test_the_largest_event_passes_and_a_larger_one_is_discarded_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(bus: EventBus, listener: Listener, clock: ManualClock) -> None:
        rest = received(an_event(payload={"x": ""})).size()
        largest = received(an_event(payload={"x": "y" * (MAXIMUM - rest)}))
        larger = received(an_event(payload={"x": "y" * (MAXIMUM - rest + 1)}))
        assert largest.size() == MAXIMUM
        with caplog.at_level(logging.WARNING):
            await bus.ingest([larger, largest])
        assert listener.heard == [largest.id]
        assert larger.id in caplog.text

    on_a_bus(test)


def test_an_event_is_measured_in_bytes_of_utf_8() -> None:
    async def test(bus: EventBus, listener: Listener, clock: ManualClock) -> None:
        umlauts = received(an_event(payload={"x": "ü" * (MAXIMUM // 2 - 500)}))
        await bus.ingest([umlauts])
        assert listener.heard == [umlauts.id]

    on_a_bus(test)


def test_clients_wait_while_a_consumer_is_full() -> None:
    async def test(bus: EventBus, listener: Listener, clock: ManualClock) -> None:
        listener.full = True
        event = received(an_event())
        ingestion = asyncio.ensure_future(bus.ingest([event]))
        await listener.waited_for.wait()
        assert listener.heard == []
        listener.full = False
        await ingestion
        assert listener.heard == [event.id]

    on_a_bus(test)


def test_an_event_whose_sender_gave_up_waiting_is_no_duplicate_later() -> None:
    async def test(bus: EventBus, listener: Listener, clock: ManualClock) -> None:
        listener.full = True
        event = received(an_event())
        ingestion = asyncio.ensure_future(bus.ingest([event]))
        await listener.waited_for.wait()
        ingestion.cancel()
        await asyncio.wait([ingestion])
        listener.full = False
        await bus.ingest([event])
        assert listener.heard == [event.id]

    on_a_bus(test)


def test_events_of_the_server_never_wait() -> None:
    async def test(bus: EventBus, listener: Listener, clock: ManualClock) -> None:
        listener.full = True
        event = an_own_event()
        bus.publish([event])
        assert listener.heard == [event.id]

    on_a_bus(test)
