"""The bus: carries each event from who publishes it to everyone who consumes it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

from ephemeral_server.clock import SECOND, Clock
from ephemeral_server.events.model import Event

logger = logging.getLogger(__name__)

#: An id that came within this many microseconds is a duplicate; so many ids are remembered.
SEEN_FOR = 300 * SECOND
SEEN_AT_MOST = 10_000


class Consumer(Protocol):
    """Someone who is given every event that is published."""

    @property
    def full(self) -> bool:
        """Whether clients' events should wait: true only for consumers that lose nothing."""
        ...

    def offer(self, events: list[Event]) -> None:
        """Take `events` at once, in order; must not fail and keeps the list unchanged."""
        ...

    async def room(self) -> None:
        """Return as soon as this consumer is not full."""
        ...


class EventBus:
    """In-process delivery of events, on the event loop of one server.

    Events of the server itself are never held up: there are no more of them than the
    server has transactions, and these wait for the same database as the consumers.
    Clients' events wait while a consumer is full, which stops reading from their
    connections, so that memory stays bounded however fast they send.

    Args:
        clock: says when an event was received.
        maximum_bytes: larger events of clients are discarded, in bytes of their JSON.
    """

    def __init__(self, clock: Clock, maximum_bytes: int) -> None:
        self._clock = clock
        self._maximum_bytes = maximum_bytes
        self._consumers: tuple[Consumer, ...] = ()
        self._seen: dict[str, int] = {}  # id -> when, oldest first

    def subscribe(self, consumer: Consumer) -> None:
        """Give `consumer` every event that is published from now on."""
        self._consumers = (*self._consumers, consumer)

    def unsubscribe(self, consumer: Consumer) -> None:
        """Give `consumer` nothing more."""
        self._consumers = tuple(c for c in self._consumers if c is not consumer)

    def publish(self, events: list[Event]) -> None:
        """Hand out events of the server; called after the commit that they tell of.

        One that is no JSON is discarded with an error: what it tells of has happened already.
        """
        sound = []
        for event in events:
            event.received = event.received or self._clock.now()
            try:
                event.texts()
            except (TypeError, ValueError, RecursionError):
                logger.exception("Event %s (%s) was discarded.", event.id, event.event)
            else:
                sound.append(event)
        for consumer in self._consumers:
            consumer.offer(sound)

    async def ingest(self, events: Iterable[Event]) -> None:
        """Hand out events of a client as soon as every consumer has room for them.

        Events over the maximal size are discarded with a warning, and so are, silently,
        those whose id came in the last five minutes.
        """
        for event in events:
            if self._is_too_large(event):
                continue
            for consumer in self._consumers:
                while consumer.full:
                    await consumer.room()
            if self._is_new(event.id):
                self.publish([event])

    def _is_too_large(self, event: Event) -> bool:
        # A character takes at most six bytes, so hardly any event needs to be counted out.
        if 6 * event.weight() <= self._maximum_bytes:
            return False
        size = event.size()
        if size <= self._maximum_bytes:
            return False
        logger.warning(
            "Event %s was discarded: it has %d bytes, at most %d are allowed.",
            event.id,
            size,
            self._maximum_bytes,
        )
        return True

    def _is_new(self, id: str) -> bool:
        """Whether `id` was not seen lately; it is from now on."""
        now = self._clock.now()
        seen = self._seen.pop(id, None)
        if len(self._seen) >= SEEN_AT_MOST:
            del self._seen[next(iter(self._seen))]
        self._seen[id] = now
        return seen is None or now - seen > SEEN_FOR
