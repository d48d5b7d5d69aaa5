"""Consumers of the bus that write events to the database, many at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from ephemeral_server.database.failures import is_outage
from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.events.model import Event

logger = logging.getLogger(__name__)

#: A consumer is full with so many events, or so many bytes of them.
FULL_COUNT = 10_000
FULL_BYTES = 64 * 2**20

#: Seconds before an event that could not be written is tried for the 2nd, 3rd ... time;
#: after the last time it is dropped.
RETRY_DELAYS = (0.1, 0.4, 1.6, 6.4)

#: Seconds between two tries to reach the database.
OUTAGE_DELAY = 0.25

#: Seconds that a drain waits for a database which cannot be reached, and that events which
#: could not be written are still tried for when the server stops.
PATIENCE = 1.0
_LAST_PAUSE = 0.1


class Refused(NamedTuple):
    """An event that a writer left out of its batch.

    Attributes:
        event: which.
        reason: for the log.
        final: whether another try cannot succeed either.
    """

    event: Event
    reason: str
    final: bool = False


class Writer(Protocol):
    """Writes a batch in one unit of work, whole but for the events that it refuses."""

    async def __call__(self, events: list[Event], /) -> Iterable[Refused]: ...


class BatchingConsumer:
    """A bounded queue in front of the database.

    A task of its own writes the queue in batches and ends when nothing is left. A batch that
    fails is halved until the events that make it fail are found; these are tried again
    later, beside the queue, and dropped with a logged error after the last try. While the
    database cannot be reached at all nothing is dropped, and the queue fills up.

    Args:
        name: for the log.
        write: writes a batch.
        size: the most events of a batch.
        linger: seconds that an event may wait for others to make a batch with.
    """

    def __init__(self, name: str, write: Writer, *, size: int, linger: float) -> None:
        self._name = name
        self._write = write
        self._size = size
        self._linger = linger
        self._queue: deque[_Item] = deque()
        self._later: list[_Item] = []  # could not be written, to be tried again
        self._count = 0  # of the events in the queue, being written, or to be tried again
        self._bytes = 0
        self._not_before = 0.0  # when to try an unreachable database again
        self._task: asyncio.Task[None] | None = None
        self._drains: list[_Drain] = []
        self._stopped = False
        self._changed = asyncio.Event()  # there is something for the task to look at
        self._room = asyncio.Event()
        self._room.set()

    @property
    def full(self) -> bool:
        return not self._room.is_set()

    async def room(self) -> None:
        await self._room.wait()

    def wants(self, event: Event) -> bool:
        """Whether `event` is to be queued at all."""
        return True

    def offer(self, events: list[Event]) -> None:
        """Queue `events`, however full the queue is."""
        wanted = [event for event in events if self.wants(event)]
        if not wanted:
            return
        if self._stopped:
            for event in wanted:
                self._log_loss(event, "the server has stopped")
            return
        due = time.monotonic() + self._linger
        for event in wanted:
            item = _Item(event, due)
            self._queue.append(item)
            self._bytes += item.weight
        self._count += len(wanted)
        if self._count >= FULL_COUNT or self._bytes >= FULL_BYTES:
            self._room.clear()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        elif len(self._queue) >= self._size or len(self._queue) == len(wanted):
            self._changed.set()

    async def drain(self) -> None:
        """Write the queue now, and try what could not be written once more.

        Returns when that is done, or after a second if the database cannot be reached.
        """
        if self._task is not None:
            drain = _Drain()
            self._drains.append(drain)
            self._changed.set()
            await drain.done

    async def stop(self) -> None:
        """Write everything; what cannot be written is tried for a second, then dropped and logged.

        Events that are offered afterwards are lost. Safe to call twice.
        """
        deadline = time.monotonic() + PATIENCE
        await self.drain()
        while self._task is not None and time.monotonic() < deadline:
            await asyncio.sleep(_LAST_PAUSE)
            await self.drain()
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for item in (*self._queue, *self._later):
            self._drop(item, item.reason or "the database cannot be reached")
        self._queue.clear()
        self._later.clear()
        self._room.set()

    async def _run(self) -> None:
        """Write what is queued until nothing is."""
        try:
            while (self._queue or self._later) and not self._stopped:
                await self._wait()
                drains, self._drains = self._drains, []
                if await self._write_due(everything=bool(drains)):
                    _finish(drains)
                else:
                    self._not_before = time.monotonic() + OUTAGE_DELAY
                    patient = [drain for drain in drains if drain.deadline > self._not_before]
                    _finish(drain for drain in drains if drain not in patient)
                    self._drains += patient
        finally:
            self._task = None
            drains, self._drains = self._drains, []
            _finish(drains)

    async def _wait(self) -> None:
        """Return when a batch is worth writing."""
        while not self._stopped and (pause := self._pause(time.monotonic())) > 0:
            self._changed.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), pause)

    def _pause(self, now: float) -> float:
        if self._not_before > now:
            return self._not_before - now
        if self._drains or len(self._queue) >= self._size:
            return 0
        due = min((item.due for item in self._later), default=now + OUTAGE_DELAY)
        return (min(due, self._queue[0].due) if self._queue else due) - now

    async def _write_due(self, *, everything: bool) -> bool:
        """Write the queue, and what is to be tried again now; False: the database is away."""
        now = time.monotonic()
        again = [item for item in self._later if everything or item.due <= now]
        self._later = [item for item in self._later if not (everything or item.due <= now)]
        items = [*self._queue, *again]
        self._queue.clear()
        parts = [items[at : at + self._size] for at in range(0, len(items), self._size)]
        parts.reverse()  # the next one is at the end
        while parts:
            part = parts.pop()
            try:
                refused = await self._write([item.event for item in part])
            except DatabaseClosedError as error:
                for item in part:
                    self._drop(item, str(error))
            except Exception as error:  # a batch may fail in any way: find out because of whom
                if is_outage(error):
                    self._put_back([part, *reversed(parts)])
                    logger.warning("%s: the database cannot be reached: %s", self._name, error)
                    return False
                if len(part) == 1:
                    self._try_again(part[0], repr(error))
                else:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
            except BaseException:  # cancelled
                self._put_back([part, *reversed(parts)])
                raise
            else:
                self._settle(part, refused)
        return True

    def _put_back(self, parts: list[list[_Item]]) -> None:
        self._queue.extendleft(reversed([item for part in parts for item in part]))

    def _settle(self, items: list[_Item], refused: Iterable[Refused]) -> None:
        """`items` are written, except for those that were `refused`."""
        reasons = {id(refusal.event): refusal for refusal in refused}
        for item in items:
            refusal = reasons.get(id(item.event))
            if refusal is None:
                self._forget(item)
            elif refusal.final:
                self._drop(item, refusal.reason)
            else:
                self._try_again(item, refusal.reason)

    def _try_again(self, item: _Item, reason: str) -> None:
        item.reason = reason
        if item.tries == len(RETRY_DELAYS):
            self._drop(item, reason)
            return
        item.due = time.monotonic() + RETRY_DELAYS[item.tries]
        item.tries += 1
        self._later.append(item)

    def _drop(self, item: _Item, reason: str) -> None:
        self._log_loss(item.event, reason)
        self._forget(item)

    def _log_loss(self, event: Event, reason: str) -> None:
        logger.error("%s: event %s (%s) is dropped: %s", self._name, event.id, event.event, reason)

    def _forget(self, item: _Item) -> None:
        self._count -= 1
        self._bytes -= item.weight
        if self._count < FULL_COUNT and self._bytes < FULL_BYTES:
            self._room.set()


class _Item:
    """An event in the queue."""

    __slots__ = ("due", "event", "reason", "tries", "weight")

    def __init__(self, event: Event, due: float) -> None:
        self.event = event
        self.due = due  # when to write it at the latest
        self.weight = event.weight()
        self.tries = 0  # that failed because of this event
        self.reason = ""


class _Drain:
    """Somebody who waits in `BatchingConsumer.drain`."""

    def __init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.deadline = time.monotonic() + PATIENCE


def _finish(drains: Iterable[_Drain]) -> None:
    for drain in drains:
        if not drain.done.done():  # its caller may have been cancelled
            drain.done.set_result(None)
