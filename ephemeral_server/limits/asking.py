"""Slots as clients ask for them: of limits by name, of all of them or of none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import UnprocessableError
from ephemeral_server.limits.decay import DENIALS_PER_SECOND
from ephemeral_server.limits.leases import Holder, create_lease
from ephemeral_server.limits.slots import Return, give_back_slots, note_denial, take_slots
from ephemeral_server.limits.store import TAG_PREFIX, Limit, read_limits_by_name
from ephemeral_server.orchestration.jitter import jittered
from ephemeral_server.settings import Settings

#: How far from the mean the waits of those who are denied are spread.
_SPREAD = 0.3
#: Who waits for slots that decay very slowly asks again after this long (seconds).
_A_DAY = 86400.0


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


def ask(tx: Transaction, settings: Settings, asked: Asked) -> list[Limit] | float:
    """Take slots of the limits that are active.

    Returns:
        All limits that have one of the names, also those that are not active; or how many
        seconds to wait if a limit has too few slots left, and then nothing was taken.

    Raises:
        UnprocessableError: the limits have not as many slots at all, or do not decay.
    """
    limits = read_limits_by_name(tx.connection, tx.now(), asked.names)
    active = [limit for limit in limits if limit.active]
    _check(active, asked)
    ids = [limit.id for limit in active]
    # Whoever sees that there are too few is not in the way of those who give slots back.
    seems_free = all(limit.active_slots <= limit.slots - asked.slots for limit in active)
    if seems_free and take_slots(tx, ids, asked.slots):
        return limits
    note_denial(tx, ids)
    return wait_for(settings, active, asked.slots)


def lease_slots(
    tx: Transaction, settings: Settings, asked: Asked, seconds: float, holder: Holder | None
) -> Leased | float:
    """Take slots as `ask` does, and lease them.

    Args:
        seconds: until the lease expires.
    """
    limits = ask(tx, settings, asked)
    if isinstance(limits, float):
        return limits
    ids = [limit.id for limit in limits if limit.active]
    return Leased(create_lease(tx, ids, seconds, slots=asked.slots, holder=holder), limits)


def give_back(
    tx: Transaction, names: Sequence[str], slots: int, occupied_seconds: float | None
) -> list[Limit]:
    """Give back slots that were taken without a lease; all limits that have one of the names.

    Args:
        names: of the limits, without repetitions; those that are not active are left alone.
        slots: how many of each.
        occupied_seconds: for how long they were taken, if that is known.
    """
    limits = read_limits_by_name(tx.connection, tx.now(), names)
    active = [limit.id for limit in limits if limit.active]
    give_back_slots(tx, [Return(id, slots, occupied_seconds) for id in active])
    return limits


def wait_for(settings: Settings, limits: Sequence[Limit], slots: int) -> float:
    """How many seconds to wait, more or less, until the limit most asked for has slots again.

    Whoever waits for long leaves slots unused, and if many wait they ask more often than the
    server can answer. So one waits as long as it takes until a slot comes back, and a little
    longer for each who was denied lately: all of them together then ask `DENIALS_PER_SECOND`
    times a second.

    Args:
        limits: at least one, each with as many slots as are asked for.
        slots: how many are asked for.
    """

    def demand(limit: Limit) -> float:
        return slots if limit.slot_decay_per_second > 0 else slots / limit.slots

    limit = max(limits, key=demand)
    if limit.slot_decay_per_second > 0:
        longest, until_one = _A_DAY, 1 / limit.slot_decay_per_second
    else:
        longest = longest_wait(settings, limit.name)
        until_one = min(limit.avg_slot_occupancy_seconds, longest)
    mean = min(until_one * demand(limit) + limit.denied / DENIALS_PER_SECOND, longest)
    return jittered(mean, _SPREAD) if mean > 0 else 0.0


def longest_wait(settings: Settings, name: str) -> float:
    """The longest time in seconds that a client is told to wait for a slot of the limit `name`."""
    if name.startswith(TAG_PREFIX):
        return settings.tag_slot_wait_seconds
    return settings.maximum_slot_wait_seconds


def _check(active: Sequence[Limit], asked: Asked) -> None:
    if any(limit.slots < asked.slots for limit in active):
        raise UnprocessableError("Slots requested is greater than the limit")
    lasting = [limit.name for limit in active if limit.slot_decay_per_second <= 0]
    if asked.only_decaying and lasting:
        raise UnprocessableError(
            "Only concurrency limits with slot decay can be used for rate limiting. "
            f"The following limits do not have a decay configured: '{','.join(lasting)}'"
        )
