"""The dates of one recurrence rule, from some time on.

dateutil goes through all dates since a rule began, and through a rule that has none until the
year 9999. So it is given the same rule with a later beginning where that makes no difference,
and in years close to its end, as the calendar is the same every 400 years.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from math import prod
from typing import Any

from ephemeral_server.schedules.zones import ScheduleError

# As in dateutil.rrule.
_WEEKLY, _HOURLY = 2, 4

#: How long the periods are that are all of the same length.
_PERIODS = {
    _WEEKLY: timedelta(weeks=1),
    3: timedelta(days=1),
    _HOURLY: timedelta(hours=1),
    5: timedelta(minutes=1),
    6: timedelta(seconds=1),
}

#: After so many days all dates have the same weekdays, numbers of weeks and lengths of months.
_CYCLE_YEARS, _CYCLE = 400, timedelta(days=146_097)
#: Dates are looked for in the cycle that this year is in, so for a hundred years at least.
_LATE = 9899


class Effort:
    """How many dates may be passed over to find others: some, and some more for each found."""

    LIMIT = 100_000
    GAIN = 10_000

    def __init__(self) -> None:
        self._left = self.LIMIT

    def spend(self) -> None:
        """Pass over a date.

        Raises:
            ScheduleError: there were too many.
        """
        self._left -= 1
        if self._left < 0:
            raise ScheduleError("the recurrence rule gives too few dates for the work of it")

    def gain(self) -> None:
        """A date was found."""
        self._left = min(self._left + self.GAIN, self.LIMIT)


def occurrences(rule: Any, first: datetime, last: datetime, effort: Effort) -> Iterator[datetime]:
    """The dates of a rule from `first` to `last`, ascending; all are naive.

    Args:
        rule: a ``dateutil.rrule.rrule``.

    Raises:
        ScheduleError: see `Effort`.
    """
    if _picks_nothing(rule):
        return
    rule = _begun_later(rule, first)
    shift, until = _shift(rule, first), rule._until
    if until is not None:
        until = min(until, datetime.max.replace(microsecond=0) - shift) + shift
    for late in _dates(rule.replace(dtstart=rule._dtstart + shift, until=until)):
        found = late - shift
        if found > last:
            return
        if found < first:
            effort.spend()
        else:
            yield found


def _dates(rule: Iterable[datetime]) -> Iterator[datetime]:
    try:
        yield from rule
    except ValueError:  # of dateutil: its parts never meet, or the calendar is at its end
        return


def _begun_later(rule: Any, first: datetime) -> Any:
    """A rule that has the same dates from `first` on, with a beginning that is close to it."""
    period = _PERIODS.get(rule._freq)
    if period is None or (rule._count is not None and any(rule._original_rule.values())):
        return rule
    # Up to the period before: the first one of a rule is cut off where it begins.
    passed = (first - rule._dtstart) // (period * rule._interval) - 1
    if passed <= 0:
        return rule
    changes = {"dtstart": rule._dtstart + passed * period * rule._interval}
    if rule._count is not None:  # and there is one date in each period
        changes["count"] = max(rule._count - passed, 0)
    return rule.replace(**changes)


def _shift(rule: Any, first: datetime) -> timedelta:
    """How much later, in whole cycles of the calendar, the dates of a rule are looked for."""
    begin: datetime = rule._dtstart
    year = max(first, begin).year
    if year > _LATE or rule._byeaster:  # (Easter has a longer cycle)
        return timedelta()
    return _CYCLE * ((_LATE - year) // _CYCLE_YEARS)


def _picks_nothing(rule: Any) -> bool:
    """Whether a rule looks for dates of a short period at places that it has not."""
    if not rule._bysetpos or rule._freq < _HOURLY:
        return False
    times = (rule._byminute, rule._bysecond)[rule._freq - _HOURLY :]
    return all(abs(place) > prod(map(len, times)) for place in rule._bysetpos)
