"""Dates of recurrence rules and sets of them (RFC 5545)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from heapq import merge
from typing import Any

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


def read(rrule: str) -> Any:
    """The ``rrule`` or ``rruleset`` of dateutil in a text.

    All its times are naive: they are times on the wall clocks of the schedule's zone, whatever
    zones the text may name.

    Raises:
        ScheduleError: it cannot be read.
    """
    rule = _parsed(rrule, dtstart=BEGINNING, ignoretz=True, tzids={})
    rules, excluding = (rule._rrule, rule._exrule) if is_set(rule) else ([rule], [])
    if any(part._interval < 1 for part in (*rules, *excluding)):
        raise ScheduleError("INTERVAL must be positive")
    return rule


def is_set(rule: Any) -> bool:
    """Whether this is an ``rruleset``."""
    return hasattr(rule, "_exrule")


def dates(rrule: str, place: tzinfo, start: int, end: int) -> Iterator[datetime]:
    """The dates from `start` to `end`, in microseconds since 1970 UTC.

    A time of day is one date, also when clocks show it twice.

    Raises:
        ScheduleError: the text cannot be read, or gives too few dates for the work of it.
    """
    rule = read(rrule)
    first, last = walls(start, end, place)
    effort = Effort()
    if is_set(rule):
        found = _set_occurrences(rule, first, last, effort)
    else:
        found = occurrences(rule, first, last, effort)
    for date in ascending(found, place, start, end):
        effort.succeed()
        yield date


def _set_occurrences(
    rules: Any, first: datetime, last: datetime, effort: Effort
) -> Iterator[datetime]:
    included = merge(
        sorted(date for date in rules._rdate if first <= date <= last),
        *(occurrences(rule, first, last, effort) for rule in rules._rrule),
    )
    excluded = _excluded(rules, first, last)
    barred = next(excluded, None)
    for wall in included:
        while barred is not None and barred < wall:
            barred = next(excluded, None)
        if wall == barred:
            effort.spend()
        else:
            yield wall


def _excluded(rules: Any, first: datetime, last: datetime) -> Iterator[datetime]:
    effort = Effort()
    try:
        for wall in merge(
            sorted(rules._exdate),
            *(occurrences(rule, first, last, effort) for rule in rules._exrule),
        ):
            effort.succeed()
            yield wall
    except ScheduleError:
        return  # a rule that gives nothing more to exclude


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
