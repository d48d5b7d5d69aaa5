"""Slots as clients ask for them: of limits by name, of all of them or of none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.limits.leases import Holder, acquire
from ephemeral_server.limits.store import (
    Limit,
    longest_wait,
    note_denied_slots,
    read_limits_by_name,
)
from ephemeral_server.orchestration.jitter import jittered
from ephemeral_server.settings import Settings

#: How far from the mean the waits of those who are denied are spread.
_SPREAD = 0.3


class NeverEnoughError(ValueError):
    """No wait will help. The message is for the client."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for.

    Attributes:
        names: of the limits, without repetitions; those that do not exist are passed over.
        slots: how many of each.
        only_decaying: refuse limits whose slots do not come back by themselves.
    """

    names: Sequence[str]
    slots: int
    only_decaying: bool = False


@dataclass(frozen=True, slots=True)
class Leased:
    """The lease that was given.

    Attributes:
        limits: all that have one of the names, also those that are not active.
    """

    lease_id: str
    limits: list[Limit]


def lease_slots(
    tx: Transaction, settings: Settings, asked: Asked, seconds: float, holder: Holder | None
) -> Leased | float:
    """Lease slots of the limits that are active.

    Args:
        seconds: until the lease expires.

    Returns:
        The lease, or how many seconds to wait if a limit has too few slots left; nothing was
        taken then.

    Raises:
        NeverEnoughError: the limits have not as many slots at all, or do not decay.
    """
    limits = read_limits_by_name(tx.connection, tx.now(), asked.names)
    active = [limit for limit in limits if limit.active]
    _check(active, asked)
    ids = [limit.id for limit in active]
    lease_id = acquire(tx, ids, seconds, slots=asked.slots, holder=holder)
    if lease_id is not None:
        return Leased(lease_id, limits)
    note_denied_slots(tx, settings, ids, asked.slots)
    return wait_for(settings, active, asked.slots)


def wait_for(settings: Settings, limits: Sequence[Limit], slots: int) -> float:
    """How many seconds to wait, more or less, until the limit most asked for has slots again.

    Args:
        limits: at least one, each with as many slots as are asked for.
        slots: how many are asked for.
    """

    def demand(limit: Limit) -> float:
        wanted = slots + limit.denied_slots
        return wanted if limit.slot_decay_per_second > 0 else wanted / limit.slots

    limit = max(limits, key=demand)
    if limit.slot_decay_per_second > 0:
        mean = demand(limit) / limit.slot_decay_per_second
    else:
        longest = longest_wait(settings, limit.name)
        mean = min(min(limit.avg_slot_occupancy_seconds, longest) * demand(limit), longest)
    return jittered(mean, _SPREAD) if mean > 0 else 0.0


def _check(active: Sequence[Limit], asked: Asked) -> None:
    if any(limit.slots < asked.slots for limit in active):
        raise NeverEnoughError("Slots requested is greater than the limit")
    lasting = [limit.name for limit in active if limit.slot_decay_per_second <= 0]
    if asked.only_decaying and lasting:
        raise NeverEnoughError(
            "Only concurrency limits with slot decay can be used for rate limiting. "
            f"The following limits do not have a decay configured: '{','.join(lasting)}'"
        )
