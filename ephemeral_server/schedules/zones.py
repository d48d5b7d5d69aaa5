"""Time zones: from wall clocks to instants and back.

A wall clock is a naive ``datetime``, or its microseconds as if the wall clock were UTC's.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from itertools import chain

from ephemeral_server.clock import FIRST, LAST, SECOND, micros, to_datetime

DAY = 86_400 * SECOND

#: Instants that have a wall clock in every zone.
EARLIEST, LATEST = FIRST + DAY, LAST - DAY


class ScheduleError(Exception):
    """A schedule that can give no dates. The message says why."""


def zone(name: str | None) -> tzinfo:
    """The time zone of an IANA name, UTC if there is none.

    Raises:
        ScheduleError: no time zone has this name.
    """
    from zoneinfo import ZoneInfo

    try:
        # These hold the zones once more, with and without leap seconds.
        if name is not None and name.startswith(("posix/", "right/")):
            raise ValueError(name)
        return ZoneInfo(name or "UTC")
    except (AttributeError, ImportError, LookupError, OSError, TypeError, ValueError):
        raise ScheduleError(f"no time zone is named {name!r}") from None


def wall_of(instant: int, place: tzinfo) -> tuple[int, bool]:
    """The wall clock at an instant, and whether it shows this time for the second time."""
    near = min(max(instant, EARLIEST), LATEST)
    local = to_datetime(near).astimezone(place)
    return micros(local.replace(tzinfo=None)) - near + instant, bool(local.fold)


def walls(start: int, end: int, place: tzinfo) -> tuple[datetime, datetime]:
    """The earliest and the latest wall clock that stand for instants from `start` to `end`.

    After a change of clocks these are not the ones they show: see `ascending`.
    """
    first = min(wall_of(start, place)[0], wall_of(start - DAY, place)[0] + DAY)
    last = max(wall_of(end, place)[0], wall_of(end - DAY, place)[0] + DAY)
    return to_datetime(first).replace(tzinfo=None), to_datetime(last).replace(tzinfo=None)


def ascending(
    found: Iterable[datetime], place: tzinfo, start: int, end: int, *, second: bool = False
) -> Iterator[datetime]:
    """The dates from `start` to `end` that ascending wall clocks, `found`, stand for.

    A time that clocks skip stands for the one as much after the change: 2:30 for 3:30. Of a time
    that they show twice it is the first, or the `second`. Dates ascend and do not repeat.

    Args:
        start, end: microseconds since 1970 UTC.
    """
    last = start - 1
    due: list[int] = []
    for wall in chain(found, (datetime.max,)):
        early, late = (micros(wall.replace(tzinfo=place, fold=fold)) for fold in (0, 1))
        skipped = late < early
        instant = late if second and not skipped else early
        insort(due, instant)
        # The next wall clock may stand for an earlier instant than one that is skipped.
        settled = late if skipped else instant
        while due and due[0] <= settled:
            instant = due.pop(0)
            if instant > end:
                return
            if instant > last:
                last = instant
                yield to_datetime(instant).astimezone(place)
        if settled > end:
            return
