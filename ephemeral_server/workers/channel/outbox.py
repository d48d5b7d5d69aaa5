"""What waits to be sent to a worker, whatever its connection takes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ephemeral_server.work_pools.store import PoolRow
from ephemeral_server.workers.channel.answers import pool_json
from ephemeral_server.workers.channel.ends import End
from ephemeral_server.workers.cleanup.deliveries import Delivery, Taker


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool as workers are told of it.

    Attributes:
        updated: its version, microseconds since 1970 UTC.
        json: its JSON; made once for all workers.
    """

    id: str
    name: str
    updated: int
    json: str

    @classmethod
    def of(cls, row: PoolRow) -> Pool:
        """The pool of a row."""
        return cls(row["id"], row["name"], row["updated"], pool_json(row))


class Outbox:
    """The latest snapshot of its pool, one cleanup message, and the end: never more than that.

    Args:
        pool: as the worker was told of it when it was greeted.
        taker: the worker as one that takes cleanup messages; None if it takes none.

    Attributes:
        pool: the latest that it is or will be told of.
        reason: why it is to be told of the pool; None if it knows already.
        delivery: on its way, until it was sent.
        end: how the channel must end.
        changed: set when there is something to do.
    """

    def __init__(self, pool: Pool, taker: Taker | None) -> None:
        self.pool = pool
        self.taker = taker
        self.reason: str | None = None
        self.delivery: Delivery | None = None
        self.end: End | None = None
        self.changed = asyncio.Event()

    def put_pool(self, pool: Pool, reason: str) -> None:
        """Tell the worker how its pool is now, instead of what it was not told yet."""
        self.pool, self.reason = pool, reason
        self.changed.set()

    def put_delivery(self, delivery: Delivery) -> None:
        """Send a cleanup message."""
        self.delivery = delivery
        self.changed.set()

    def put_end(self, end: End) -> None:
        """End the channel."""
        self.end = end
        self.changed.set()
