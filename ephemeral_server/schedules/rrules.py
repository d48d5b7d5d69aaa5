"""Dates of recurrence rules (RFC 5545), as dateutil reads them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from ephemeral_server.clock import to_datetime
from ephemeral_server.schedules.zones import ScheduleError, ascending, first_wall

#: Where a rule without DTSTART begins.
BEGINNING = datetime(2020, 1, 1)

_LONGEST = 6500


def check(rrule: str) -> None:
    """Refuse a rule that cannot be read.

    Raises:
        ValueError: with the sentence for whoever sent it.
    """
    if len(rrule) > _LONGEST:
        raise ValueError(
            f'Invalid RRule string "{rrule[:40]}..."\nMax length is {_LONGEST}, got {len(rrule)}'
        )
    try:
        read(rrule)
    except ScheduleError as error:
        raise ValueError(f'Invalid RRule string "{rrule}": {error}') from None


def read(rrule: str) -> Any:
    from dateutil.rrule import rrulestr

    try:
        return rrulestr(rrule, dtstart=BEGINNING)
    except Exception as error:  # whatever it stumbles over in a text that is no rule
        raise ScheduleError(str(error)) from None


def dates(rrule: str, place: tzinfo, start: int, end: int) -> Iterator[datetime]:
    rule = read(rrule)
    wall = to_datetime(first_wall(start, place)).replace(tzinfo=None)
    yield from ascending(rule.xafter(wall, inc=True), place, start, end)
