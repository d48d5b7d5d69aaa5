"""Hands cleanup messages to the workers that are connected to this process and take them."""

from __future__ import annotations

import asyncio
import logging

from ephemeral_server.database import Database
from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.settings import Settings
from ephemeral_server.workers.channel.outbox import Outbox
from ephemeral_server.workers.cleanup import deliveries, queue
from ephemeral_server.workers.cleanup.deliveries import Delivery

logger = logging.getLogger(__name__)

#: How often the queue is looked at for what no notice tells of: messages that another process
#: has put in, leases that are over (seconds).
LOOK_SECONDS = 1.0


class Dispatcher:
    """Gives a message to a worker as soon as there are both.

    The workers of a pool take turns: who got one stands last. Several processes that serve one
    database share the messages, but each knows and lets take turns its own workers alone.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._takers: dict[str, dict[Outbox, None]] = {}
        self._due: set[str] = set()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        database.notices.listen(queue.WAITING, self.wake)

    def join(self, outbox: Outbox) -> None:
        """Give messages to this worker, too, until `leave`."""
        if outbox.taker is None:
            return
        self._takers.setdefault(outbox.pool.id, {})[outbox] = None
        self.wake(outbox.pool.id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def leave(self, outbox: Outbox) -> None:
        """The worker takes no more; what was not sent to it goes to another."""
        if outbox.taker is None:
            return
        takers = self._takers[outbox.pool.id]
        del takers[outbox]
        if not takers:
            del self._takers[outbox.pool.id]
            self._due.discard(outbox.pool.id)
        self._woken.set()  # nothing is left to do if it was the last
        if outbox.delivery is not None:
            await asyncio.shield(self._withdraw(outbox.delivery))

    def sent(self, outbox: Outbox) -> None:
        """The worker was sent what it was given, and can be given more."""
        outbox.delivery = None
        self.wake(outbox.pool.id)

    def wake(self, pool_id: str) -> None:
        """There may be a message for a worker of this pool."""
        if pool_id in self._takers:
            self._due.add(pool_id)
            self._woken.set()

    async def _run(self) -> None:
        while self._takers:
            try:
                if self._due:
                    await self._hand_out(self._due.pop())
                else:
                    await self._wait()
            except DatabaseClosedError:
                return
            except Exception:  # whatever it is, the messages are still there at the next look
                logger.exception("Cleanup messages were not handed out.")
                await asyncio.sleep(LOOK_SECONDS)

    async def _wait(self) -> None:
        """Return when it is known, or was found, that there may be something to hand out."""
        self._woken.clear()
        try:
            await asyncio.wait_for(self._woken.wait(), LOOK_SECONDS)
        except asyncio.TimeoutError:
            database = self._database
            waiting = await database.read(queue.pools_with_messages, database.now())
            self._due |= waiting & self._takers.keys()

    async def _hand_out(self, pool_id: str) -> None:
        free = [each for each in self._takers.get(pool_id, ()) if each.delivery is None]
        if not free:
            return
        takers = [each.taker for each in free if each.taker is not None]
        reserve = deliveries.reserve
        found = await self._database.write(reserve, self._settings, pool_id, takers)
        for outbox, delivery in zip(free, found, strict=True):
            if delivery is None:
                continue
            present = self._takers.get(pool_id, {})
            if outbox not in present:  # has gone meanwhile
                await self._withdraw(delivery)
                continue
            del present[outbox]
            present[outbox] = None
            outbox.put_delivery(delivery)

    async def _withdraw(self, delivery: Delivery) -> None:
        """Let another worker have what was not sent."""
        try:
            await self._database.write(deliveries.withdraw, delivery)
        except DatabaseClosedError:
            pass
        except Exception:  # the end of its lease does the same, later
            logger.exception("Cleanup %s waits until its lease is over.", delivery.message_id)
