"""A consumer of events in front of a database in the small."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

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
