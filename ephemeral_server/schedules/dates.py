"""The dates of schedules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ephemeral_server.clock import micros
from ephemeral_server.schedules import crons, intervals, rrules
from ephemeral_server.schedules.schemas import CronSchedule, IntervalSchedule, Schedule
from ephemeral_server.schedules.zones import EARLIEST, LATEST, ScheduleError, zone

__all__ = ["ScheduleError", "dates", "kind"]


def kind(schedule: Schedule) -> str:
    """What kind of schedule it is: the name of its shape."""
    return type(schedule).__name__


def dates(schedule: Schedule, start: int, end: int | None = None) -> Iterator[datetime]:
    """The dates of a schedule, in its time zone, ascending and without repetitions.

    They are found as they are asked for. Which dates there are does not depend on `start`.

    Args:
        start: from when on, in microseconds since 1970 UTC.
        end: the last instant that may be a date; None for no end.

    Raises:
        ScheduleError: the schedule can give no dates, or not with reasonable work.
    """
    place = zone(schedule.timezone)
    start = max(start, EARLIEST)
    end = LATEST if end is None else min(end, LATEST)
    if start > end:
        return
    if isinstance(schedule, IntervalSchedule):
        anchor = micros(schedule.anchor_date)
        yield from intervals.dates(schedule.interval, anchor, place, start, end)
    elif isinstance(schedule, CronSchedule):
        yield from crons.dates(schedule.cron, schedule.day_or, place, start, end)
    else:
        yield from rrules.dates(schedule.rrule, place, start, end)
