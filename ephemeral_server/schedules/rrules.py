"""Dates of recurrence rules and sets of them (RFC 5545)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from heapq import merge
from typing import Any, NamedTuple

from ephemeral_server.schedules.recurrence import Effort, occurrences
from ephemeral_server.schedules.zones import ScheduleError, ascending, walls, zone

#: Where a rule without DTSTART begins.
BEGINNING = datetime(2020, 1, 1)

_LONGEST = 6500


def check(rrule: str) -> None:
    """Refuse a text that clients or we cannot read.

    Raises:
        ValueError: with the sentence for whoever sent it.
    """
    if len(rrule) > _LONGEST:
        raise ValueError(
            f'Invalid RRule string "{rrule[:40]}..."\nMax length is {_LONGEST}, got {len(rrule)}'
        )
    try:
        # As clients read it: some mixtures of times with and without zones are errors.
        _parsed(rrule, tzids=_known_zone)
        read(rrule)
    except ScheduleError as error:
        raise ValueError(f'Invalid RRule string "{rrule}": {error}') from None


class Rules(NamedTuple):
    """What a text says.

    All times are naive: they are times on the wall clocks of the schedule's zone, whatever zones
    the text may name.

    Attributes:
        rules, excluding: the ``dateutil.rrule.rrule`` that give dates, and that take them out.
        dates, excluded: single dates beside them, and without which.
    """

    rules: list[Any]
    dates: list[datetime]
    excluding: list[Any]
    excluded: list[datetime]


def read(rrule: str) -> Rules:
    """What a text says.

    Raises:
        ScheduleError: it cannot be read.
    """
    found = _parsed(rrule, dtstart=BEGINNING, ignoretz=True, tzids={})
    if hasattr(found, "_exrule"):
        rules = Rules(found._rrule, sorted(found._rdate), found._exrule, sorted(found._exdate))
    else:
        rules = Rules([found], [], [], [])
    if any(rule._interval < 1 for rule in (*rules.rules, *rules.excluding)):
        raise ScheduleError("INTERVAL must be positive")
    return rules


def dates(rrule: str, place: tzinfo, start: int, end: int) -> Iterator[datetime]:
    """The dates from `start` to `end`, in microseconds since 1970 UTC.

    A time of day is one date, also when clocks show it twice.

    Raises:
        ScheduleError: the text cannot be read, or gives too few dates for the work of it.
    """
    rules = read(rrule)
    first, last = walls(start, end, place)
    effort = Effort()
    for date in ascending(_given(rules, first, last, effort), place, start, end):
        effort.gain()
        yield date


def _given(rules: Rules, first: datetime, last: datetime, effort: Effort) -> Iterator[datetime]:
    excluded = _excluded(rules, first, last)
    barred = next(excluded, None)
    for wall in merge(
        (date for date in rules.dates if first <= date <= last),
        *(occurrences(rule, first, last, effort) for rule in rules.rules),
    ):
        while barred is not None and barred < wall:
            effort.spend()
            barred = next(excluded, None)
        if wall == barred:
            effort.spend()
        else:
            yield wall


def _excluded(rules: Rules, first: datetime, last: datetime) -> Iterator[datetime]:
    effort = Effort()
    try:
        for wall in merge(
            rules.excluded,
            *(occurrences(rule, first, last, effort) for rule in rules.excluding),
        ):
            effort.gain()
            yield wall
    except ScheduleError:
        return  # rules that take out nothing more


def _parsed(rrule: str, **options: Any) -> Any:
    from dateutil.rrule import rrulestr

    try:
        return rrulestr(rrule, **options)
    except Exception as error:  # whatever it stumbles over in a text that is no rule
        raise ScheduleError(str(error)) from None


def _known_zone(name: str) -> tzinfo | None:
    try:
        return zone(name)
    except ScheduleError:
        return None
