"""The workers of one pool that are connected to this process, who are told how it is."""

from __future__ import annotations

import asyncio
import logging

from ephemeral_server.database import Database
from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.work_pools.store import read_pool
from ephemeral_server.workers.channel.answers import UPDATED
from ephemeral_server.workers.channel.ends import End
from ephemeral_server.workers.channel.outbox import Outbox, Pool

logger = logging.getLogger(__name__)

#: What happens to a pool within this time is told at once (seconds).
COALESCING_SECONDS = 0.05


class Audience:
    """Reads a pool again when it has changed, once for all of its workers.

    Attributes:
        outboxes: of the workers.
    """

    def __init__(self, database: Database, pool_id: str, pool_name: str) -> None:
        self.outboxes: set[Outbox] = set()
        self._database = database
        self._id = pool_id
        self._name = pool_name
        self._changed = asyncio.Event()
        self._telling = asyncio.create_task(self._tell())

    def refresh(self) -> None:
        """The pool has changed, or was deleted."""
        self._changed.set()

    def end(self) -> None:
        """Tell nothing any more."""
        self._telling.cancel()

    async def _tell(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(COALESCING_SECONDS)
            self._changed.clear()
            try:
                row = await self._database.read(read_pool, self._name)
            except DatabaseClosedError:
                return
            except Exception:  # of the database: the others, and the next change, are not to suffer
                logger.exception("Work pool %s was not read again.", self._name)
                continue  # a heartbeat of each worker tells it
            if row is not None and row["id"] == self._id:
                pool = Pool.of(row)
                for outbox in self.outboxes:
                    outbox.put_pool(pool, UPDATED)
            else:  # there may be another of its name
                for outbox in self.outboxes:
                    outbox.put_end(End.AUTHORIZATION_FAILED)
