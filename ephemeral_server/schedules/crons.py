"""Dates of cron expressions, as croniter reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from itertools import chain
from typing import Any

from ephemeral_server.schedules.zones import ScheduleError, ascending, walls

#: A field, or an item of one, for which croniter makes up numbers.
_MADE_UP = re.compile(r"(?:^|[\s,])[rh](?![a-z])", re.IGNORECASE | re.ASCII)

#: The years that a seventh field can name begin here; some systems cannot tell earlier times.
_BEGINNING = datetime(1970, 1, 1)

#: How many years to look ahead for a date: as many as a seventh field can name.
_YEARS = 130

_FIELDS_WITH_YEAR = 7


def check(cron: str, day_or: bool) -> None:
    """Refuse an expression that cannot be read, or that never fires.

    Raises:
        ValueError: with the sentence for whoever sent it.
    """
    if _MADE_UP.search(cron):
        raise ValueError(f'Random and Hashed expressions are unsupported, received: "{cron}"')
    try:
        found = _read(cron, day_or, _BEGINNING)
    except ScheduleError:
        raise ValueError(f'Invalid cron string: "{cron}"') from None
    if next(_fired(found), None) is None:
        raise ValueError(f'Invalid cron string: "{cron}" (it never fires)')


def dates(cron: str, day_or: bool, place: tzinfo, start: int, end: int) -> Iterator[datetime]:
    """The dates from `start` to `end`, in microseconds since 1970 UTC.

    A time of day is one date, also when clocks show it twice.

    Raises:
        ScheduleError: the expression cannot be read, or never fires.
    """
    # croniter looks for what comes after a time.
    after = walls(start, end, place)[0] - timedelta(seconds=1)
    found = _read(cron, day_or, max(after, _BEGINNING))
    fired = _fired(found)
    first = next(fired, None)
    if first is not None:
        yield from ascending(chain((first,), fired), place, start, end)
    elif len(found.expanded) < _FIELDS_WITH_YEAR:
        raise ScheduleError(f"the cron expression {cron!r} never fires")


def _read(cron: str, day_or: bool, after: datetime) -> Any:
    from croniter import croniter

    try:
        return croniter(cron, after, datetime, day_or, _YEARS)
    except Exception as error:  # whatever it stumbles over in a text that is no expression
        raise ScheduleError(f"the cron expression {cron!r} cannot be read: {error}") from None


def _fired(found: Any) -> Iterator[datetime]:
    from croniter import CroniterBadDateError

    try:
        while True:
            yield found.get_next()
    except (CroniterBadDateError, ArithmeticError, ValueError):
        return  # none to come, or past the year 9999
