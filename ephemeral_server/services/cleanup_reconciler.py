"""Hands out anew what workers were to clean up and gave no more sign of life."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from ephemeral_server.database import Database
from ephemeral_server.settings import Settings
from ephemeral_server.workers.cleanup import queue


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one pass did.

    Attributes:
        expired: how many deliveries it ended because their lease was over.
        forgotten: how many messages it deleted that were done long ago.
    """

    expired: int = 0
    forgotten: int = 0


async def run_once(database: Database, settings: Settings) -> Reconciled:
    """End every delivery of a cleanup message whose lease is over, and forget what is done.

    The message goes to another worker, or is given up after enough deliveries.
    """
    expired = await _all(partial(database.write, queue.expire, settings))
    kept = settings.cleanup_retention_seconds
    if kept is None:
        return Reconciled(expired)
    return Reconciled(expired, await _all(partial(database.write, queue.forget, kept)))


async def _all(batch: Callable[[], Awaitable[int]]) -> int:
    """Do batch after batch until one is not full; how many there were in all."""
    total = 0
    while True:
        count = await batch()
        total += count
        if count < queue.BATCH:
            return total
