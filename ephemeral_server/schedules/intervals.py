"""Dates at equal distances."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from ephemeral_server.clock import micros, to_datetime
from ephemeral_server.schedules.zones import DAY, ScheduleError, ascending, wall_of, walls

_MICROSECOND = timedelta(microseconds=1)


def dates(
    interval: timedelta, anchor: int, place: tzinfo, start: int, end: int
) -> Iterator[datetime]:
    """The dates from `start` to `end` that lie whole intervals before or after the anchor.

    An interval of a day or more is counted on the wall clock, so that what happens at nine goes
    on to happen at nine when clocks change. A shorter one is counted in elapsed time.

    Args:
        anchor, start, end: microseconds since 1970 UTC.

    Raises:
        ScheduleError: the interval is not positive.
    """
    step = interval // _MICROSECOND
    if step <= 0:
        raise ScheduleError("the interval must be positive")
    if step < DAY:
        first = anchor + -(-(start - anchor) // step) * step
        for instant in range(first, end + 1, step):
            yield to_datetime(instant).astimezone(place)
        return
    shown, second = wall_of(anchor, place)
    earliest, latest = map(micros, walls(start, end, place))
    first = shown + -(-(earliest - shown) // step) * step
    found = (to_datetime(wall).replace(tzinfo=None) for wall in range(first, latest + 1, step))
    yield from ascending(found, place, start, end, second=second)
