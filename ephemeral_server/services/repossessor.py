"""Takes back the slots of those who gave no more sign of life."""

from __future__ import annotations

from dataclasses import dataclass

from ephemeral_server.database import Database
from ephemeral_server.limits.releases import release_expired
from ephemeral_server.settings import Settings

#: How many leases one transaction ends at most; writers of runs wait for it.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Repossessed:
    """What one pass took back.

    Attributes:
        leases: how many ended.
        slots: how many came back, over all limits.
    """

    leases: int = 0
    slots: int = 0


async def run_once(database: Database, settings: Settings) -> Repossessed:
    """Give back the slots of every lease that has expired.

    A lease that is renewed meanwhile stays.
    """
    leases = slots = 0
    while True:
        released = await database.write(release_expired, BATCH)
        leases += released.leases
        slots += released.slots
        if released.leases < BATCH:
            return Repossessed(leases, slots)
