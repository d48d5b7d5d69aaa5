"""The workers whose channels are open in this process: what is new gets to them from here.

Where several processes serve one database, each serves its own workers. What another process
changes about a pool is found at a worker's next heartbeat, and a cleanup message that another
process has put in at the next look at the queue.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ephemeral_server.database import Database
from ephemeral_server.settings import Settings
from ephemeral_server.work_pools.store import CHANGED
from ephemeral_server.workers.channel.audience import Audience
from ephemeral_server.workers.channel.dispatching import Dispatcher
from ephemeral_server.workers.channel.outbox import Outbox


class WorkerChannels:
    """Keeps the outboxes of the workers that are connected to this process.

    Args:
        database: whose notices tell what is new.
        settings: of the server.

    Attributes:
        dispatcher: hands out cleanup messages.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self.dispatcher = Dispatcher(database, settings)
        self._database = database
        self._audiences: dict[str, Audience] = {}
        self._greetings: list[set[str]] = []
        database.notices.listen(CHANGED, self._pool_changed)

    @contextmanager
    def greeting(self) -> Iterator[set[str]]:
        """The ids of the pools that change while a worker is greeted, for `join`."""
        changed: set[str] = set()
        self._greetings.append(changed)
        try:
            yield changed
        finally:
            self._greetings = [each for each in self._greetings if each is not changed]

    def join(self, outbox: Outbox, changed: set[str]) -> None:
        """Put into `outbox` what is new, until `leave`.

        Args:
            changed: the pools that have changed since its pool was read.
        """
        pool = outbox.pool
        audience = self._audiences.get(pool.id)
        if audience is None:
            audience = self._audiences[pool.id] = Audience(self._database, pool.id, pool.name)
        audience.outboxes.add(outbox)
        if pool.id in changed:
            audience.refresh()
        self.dispatcher.join(outbox)

    async def leave(self, outbox: Outbox) -> None:
        """The worker's channel is over."""
        audience = self._audiences[outbox.pool.id]
        audience.outboxes.remove(outbox)
        if not audience.outboxes:
            audience.end()
            del self._audiences[outbox.pool.id]
        await self.dispatcher.leave(outbox)

    def _pool_changed(self, pool_id: str) -> None:
        for changed in self._greetings:
            changed.add(pool_id)
        if pool_id in self._audiences:
            self._audiences[pool_id].refresh()
