"""Which days a recurrence rule names."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from functools import lru_cache
from typing import Any


def fits(rule: Any, ordinal: int) -> bool:
    """Whether a day is one that a ``dateutil.rrule.rrule`` names.

    Args:
        ordinal: the proleptic ordinal of the day.
    """
    day = date.fromordinal(ordinal)
    if rule._bymonth and day.month not in rule._bymonth:
        return False
    # Where there are both kinds, either will do: so says RFC 5545; dateutil wants both at once.
    weekdays = rule._byweekday or ()
    if (weekdays or rule._bynweekday) and not (
        day.weekday() in weekdays or (rule._bynweekday and _nth_fits(rule, day))
    ):
        return False
    if rule._bymonthday or rule._bynmonthday:
        from_end = day.day - monthrange(day.year, day.month)[1] - 1
        if day.day not in rule._bymonthday and from_end not in rule._bynmonthday:
            return False
    if rule._byyearday:
        number, from_end = ordinal - new_year(day.year) + 1, ordinal - new_year(day.year + 1)
        if number not in rule._byyearday and from_end not in rule._byyearday:
            return False
    if rule._byweekno:
        number, from_end = _week(day, rule._wkst)
        if number not in rule._byweekno and from_end not in rule._byweekno:
            return False
    return not rule._byeaster or ordinal - _easter(day.year) in rule._byeaster


def _nth_fits(rule: Any, day: date) -> bool:
    """Whether it is, say, the second Tuesday or the last Friday that the rule names."""
    if rule._freq == 0 and not rule._bymonth:  # of the year
        before = day.toordinal() - new_year(day.year)
        behind = new_year(day.year + 1) - 1 - day.toordinal()
    else:
        before = day.day - 1
        behind = monthrange(day.year, day.month)[1] - day.day
    ranks = before // 7 + 1, -(behind // 7) - 1
    return any((day.weekday(), rank) in rule._bynweekday for rank in ranks)


def _week(day: date, first_weekday: int) -> tuple[int, int]:
    """The number of a day's week, counted from 1, and counted from -1 at the end of the year."""
    start = day.toordinal() - (day.weekday() - first_weekday) % 7
    # A week belongs to the year that has most of its days.
    year = day.year
    if start + 3 < new_year(year):
        year -= 1
    elif start + 3 >= new_year(year + 1):
        year += 1
    first, after = _first_week(year, first_weekday), _first_week(year + 1, first_weekday)
    return (start - first) // 7 + 1, (start - after) // 7


def _first_week(year: int, first_weekday: int) -> int:
    fourth = new_year(year) + 3
    return fourth - (fourth - 1 - first_weekday) % 7


def new_year(year: int) -> int:
    """The ordinal of the first day of a year; also of one just outside what a date can hold."""
    past = year - 1
    return past * 365 + past // 4 - past // 100 + past // 400 + 1


@lru_cache(maxsize=16)
def _easter(year: int) -> int:
    from dateutil.easter import easter

    return int(easter(year).toordinal())
