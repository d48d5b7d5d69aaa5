"""Which queue of a pool is served first: the one of the lowest number."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import count


def free_priority(taken: Collection[int]) -> int:
    """The smallest number from one on that no queue has."""
    return next(number for number in count(1) if number not in taken)


def moved(priorities: Mapping[str, int], id: str, wanted: int) -> dict[str, int]:
    """The priorities that change when the queue `id` gets the one that is wanted.

    It goes before the queues that have this number or a higher one; those behind it move on as
    far as they must for no two to be alike.

    Args:
        priorities: of the other queues of the pool, by their ids.
    """
    order = sorted((number, each) for each, number in priorities.items() if each != id)
    place = sum(number < wanted for number, _ in order)
    order.insert(place, (wanted, id))
    changed = {id: wanted}
    last = 0
    for number, each in order:
        if number <= last:
            number = last + 1
            changed[each] = number
        last = number
    return changed
