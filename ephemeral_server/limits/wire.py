"""Concurrency limits as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ephemeral_server.limits.decay import slots_left
from ephemeral_server.wire import Shape, boolean, computed, field, instant, number, plain, text

if TYPE_CHECKING:
    from ephemeral_server.limits.store import Limit


def _slots_left(now: int, taken: int, rate: float, since: int) -> str:
    return str(slots_left(taken, rate, since, now))


#: A limit at the instant that it is rendered for; needs the columns of its `keys`.
LIMIT = Shape(
    (
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("active", boolean),
        field("name", text),
        field("limit", number, "slots"),
        computed(
            "active_slots", _slots_left, "active_slots", "slot_decay_per_second", "decays_from"
        ),
        field("slot_decay_per_second", number),
    )
)

#: A limit as the table has it.
STORED_LIMIT = Shape(
    (
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("active", boolean),
        field("name", text),
        field("limit", number, "slots"),
        field("active_slots", number),
        field("denied_slots", number),
        field("slot_decay_per_second", number),
        field("avg_slot_occupancy_seconds", number),
    )
)


def minimal(limits: Iterable[Limit]) -> list[dict[str, Any]]:
    """What is told of limits to who asked for their slots."""
    return [{"id": limit.id, "name": limit.name, "limit": limit.slots} for limit in limits]
