"""The dates of one recurrence rule.

dateutil reads rules, but it steps through all dates since a rule began, and endlessly through a
rule that has none. Here it is arithmetic in which period to begin, and each step is paid for, so
that no rule takes longer than is reasonable.

A day is its proleptic ordinal, a time of day its seconds.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import product
from typing import Any

from ephemeral_server.schedules.days import fits, new_year
from ephemeral_server.schedules.zones import ScheduleError

# As in dateutil.rrule.
_YEARLY, _MONTHLY, _WEEKLY, _DAILY, _HOURLY, _MINUTELY, _SECONDLY = range(7)

_PERIODS_OF_DAY = {_DAILY: 1, _HOURLY: 24, _MINUTELY: 1440, _SECONDLY: 86_400}

_LAST_DAY = date.max.toordinal()

#: A day and a time of day.
_Moment = tuple[int, int]

#: The days of a period that fit, and the times on each of them.
_Period = tuple[Sequence[int], Sequence[int]]


class Effort:
    """How many steps may be taken to find dates: some, and some more for each date found."""

    LIMIT = 100_000
    GAIN = 10_000

    def __init__(self) -> None:
        self._left = self.LIMIT

    def spend(self, steps: int = 1) -> None:
        """Take some steps.

        Raises:
            ScheduleError: there are not so many left.
        """
        self._left -= steps
        if self._left < 0:
            raise ScheduleError("the recurrence rule gives too few dates for the work of it")

    def gain(self) -> None:
        """A date was found."""
        self._left = min(self._left + self.GAIN, self.LIMIT)


def occurrences(rule: Any, start: datetime, end: datetime, effort: Effort) -> Iterator[datetime]:
    """The dates of a rule from `start` to `end`, ascending; all are naive.

    Args:
        rule: a ``dateutil.rrule.rrule``.

    Raises:
        ScheduleError: see `Effort`.
    """
    begin, first = _moment(rule._dtstart), _moment(start)
    last = _moment(end if rule._until is None else min(end, rule._until))
    position, interval, left = _position(rule, rule._dtstart), rule._interval, rule._count
    passed = max(0, (_position(rule, start) - position) // interval)
    if left is None:
        begin = max(begin, first)
    elif rule._freq >= _WEEKLY and not any(rule._original_rule.values()):
        left -= passed  # there is one date in each period
    else:
        passed = 0
    periods = _long_periods if rule._freq < _DAILY else _short_periods
    for days, times in periods(rule, position + passed * interval, _position(rule, end), effort):
        if rule._bysetpos:
            moments: Iterable[_Moment] = _picked(days, times, rule._bysetpos)
        else:
            moments = product((day for day in days if day >= begin[0]), times)
        for moment in moments:
            if moment > last or (left is not None and left <= 0):
                return
            if left is not None and moment >= begin:
                left -= 1
            if moment < begin or moment < first:
                effort.spend()
            else:
                yield datetime.fromordinal(moment[0]) + timedelta(seconds=moment[1])


def _moment(wall: datetime) -> _Moment:
    return wall.toordinal(), wall.hour * 3600 + wall.minute * 60 + wall.second


def _position(rule: Any, wall: datetime) -> int:
    """Which of all years, months, weeks ... it lies in."""
    if rule._freq == _YEARLY:
        return wall.year
    if rule._freq == _MONTHLY:
        return wall.year * 12 + wall.month - 1
    day, second = _moment(wall)
    if rule._freq == _WEEKLY:
        return (day - 1 - int(rule._wkst)) // 7
    periods = _PERIODS_OF_DAY[rule._freq]
    return day * periods + second * periods // 86_400


def _long_periods(rule: Any, position: int, last: int, effort: Effort) -> Iterator[_Period]:
    """Years, months or weeks."""
    times = _times(rule._byhour, rule._byminute, rule._bysecond)
    for current in range(position, last + 1, rule._interval):
        if rule._freq == _YEARLY:
            first, after = new_year(current), new_year(current + 1)
        elif rule._freq == _MONTHLY:
            year, month = divmod(current, 12)
            first = date(year, month + 1, 1).toordinal()
            after = first + monthrange(year, month + 1)[1]
        else:
            first = max(current * 7 + 1 + rule._wkst, 1)
            after = min(current * 7 + 8 + rule._wkst, _LAST_DAY + 1)
        effort.spend(after - first)
        yield [day for day in range(first, after) if fits(rule, day)], times


def _short_periods(rule: Any, position: int, last: int, effort: Effort) -> Iterator[_Period]:
    """Days or parts of days."""
    per_day = _PERIODS_OF_DAY[rule._freq]
    hours, minutes, seconds = (
        range(size) if allowed is None else [value for value in allowed if 0 <= value < size]
        for size, allowed in ((24, rule._byhour), (60, rule._byminute), (60, rule._bysecond))
    )
    fitting = lru_cache(maxsize=1)(lambda day: fits(rule, day))
    while position <= last:
        effort.spend()
        day, part = divmod(position, per_day)
        second = part * (86_400 // per_day)
        hour, minute = second // 3600, second // 60 % 60
        # The whole day, hour or minute that does not fit is left out at once.
        after = position + 1
        if not fitting(day):
            after = (day + 1) * per_day
        elif rule._freq == _DAILY:
            yield (day,), _times(hours, minutes, seconds)
        elif hour not in hours:
            after = (position * 24 // per_day + 1) * per_day // 24
        elif rule._freq == _HOURLY:
            yield (day,), _times((hour,), minutes, seconds)
        elif minute not in minutes:
            after = (position * 1440 // per_day + 1) * per_day // 1440
        elif rule._freq == _MINUTELY:
            yield (day,), _times((hour,), (minute,), seconds)
        elif second % 60 in seconds:
            yield (day,), (second,)
        position += -((position - after) // rule._interval) * rule._interval


def _times(hours: Iterable[int], minutes: Iterable[int], seconds: Iterable[int]) -> list[int]:
    return sorted(
        hour * 3600 + minute * 60 + second
        for hour, minute, second in product(hours, minutes, seconds)
    )


def _picked(days: Sequence[int], times: Sequence[int], places: Iterable[int]) -> list[_Moment]:
    """Those of a period's dates at these places, counted from 1, or from -1 at its end."""
    size = len(days) * len(times)
    indexes = {place - 1 if place > 0 else place + size for place in places}
    return [
        (days[index // len(times)], times[index % len(times)])
        for index in sorted(indexes)
        if 0 <= index < size
    ]
