"""A slow and simple way to the dates of a schedule: walk through time, minute by minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from tests.schedules.schedules import BERLIN, LORD_HOWE, NEW_YORK

MINUTE = timedelta(minutes=1)

#: Days on which clocks change, and zones in which they never do.
CHANGES = [
    (NEW_YORK, "2026-03-08"),
    (NEW_YORK, "2026-11-01"),
    (BERLIN, "2026-03-29"),
    (BERLIN, "2026-10-25"),
    (LORD_HOWE, "2026-04-05"),
    (LORD_HOWE, "2026-10-04"),
    ("Asia/Kathmandu", "2026-03-08"),
    ("UTC", "2026-03-08"),
]


def around(day: str) -> tuple[datetime, datetime]:
    """The three days about noon of one, in UTC."""
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    return noon - timedelta(hours=36), noon + timedelta(hours=36)


@lru_cache(maxsize=16)
def clock(zone: str, day: str) -> list[tuple[datetime, datetime]]:
    """Every wall clock around a day with the instant it stands for, by the minute.

    A time shown twice stands for the first of them. A time left out stands for the instant as
    much after the change as it is after the time at which clocks changed.
    """
    place = ZoneInfo(zone)
    instant, end = around(day)
    shown: dict[datetime, datetime] = {}
    before: datetime | None = None
    while instant <= end:
        wall = instant.astimezone(place).replace(tzinfo=None)
        left_out = before + MINUTE if before is not None else wall
        for minute in range(max(0, (wall - left_out) // MINUTE)):
            shown[left_out + minute * MINUTE] = instant + minute * MINUTE
        shown.setdefault(wall, instant)
        before = wall
        instant += MINUTE
    return list(shown.items())


def walked(zone: str, day: str, matches: Callable[[datetime], bool]) -> list[str]:
    """The dates around a day whose wall clock matches, as text."""
    place = ZoneInfo(zone)
    last = around(day)[1]
    instants = {instant for wall, instant in clock(zone, day) if matches(wall) and instant <= last}
    return [str(instant.astimezone(place)) for instant in sorted(instants)]


def utc_minutes(day: str) -> list[datetime]:
    """Every minute around a day."""
    start, end = around(day)
    return [start + minute * MINUTE for minute in range((end - start) // MINUTE + 1)]


def in_utc(text: str) -> datetime:
    """The instant of a date, as text tells it."""
    return datetime.fromisoformat(text).astimezone(timezone.utc)
