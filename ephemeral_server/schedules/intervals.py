"""Dates at equal distances."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from ephemeral_server.clock import LAST, to_datetime
from ephemeral_server.schedules.zones import DAY, ascending, first_wall, wall_of

_MICROSECOND = timedelta(microseconds=1)


def dates(
    interval: timedelta, anchor: int, place: tzinfo, start: int, end: int
) -> Iterator[datetime]:
    """The dates from `start` to `end` that lie whole intervals before or after the anchor.

    An interval of a day or more is counted on the wall clock, so that what happens at nine goes
    on to happen at nine when clocks change. A shorter one is counted in elapsed time.

    Args:
        anchor, start, end: microseconds since 1970 UTC.
    """
    step = interval // _MICROSECOND
    if step < DAY:
        first = anchor + -(-(start - anchor) // step) * step
        for instant in range(first, end + 1, step):
            yield to_datetime(instant).astimezone(place)
        return
    shown, second = wall_of(anchor, place)
    first = shown + -(-(first_wall(start, place) - shown) // step) * step
    walls = (to_datetime(wall).replace(tzinfo=None) for wall in range(first, LAST + 1, step))
    yield from ascending(walls, place, start, end, second=second)
