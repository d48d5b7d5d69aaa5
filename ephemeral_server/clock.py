"""The one source of time of a server.

Inside the server an instant is an ``int``: microseconds since 1970-01-01 UTC. It is what
the database stores, so comparisons and differences are the same integer arithmetic in
Python, SQLite and PostgreSQL. Text appears only on the wire (`isoformat`, `parse`).
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SECOND = 1_000_000
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Where a server reads the time; services and rules never read it elsewhere."""

    def now(self) -> int:
        """The present instant in microseconds since 1970 UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000


class ManualClock:
    """A clock that stands still until it is told to go on.

    Args:
        start: the first instant in microseconds since 1970 UTC; the machine's time if None.
    """

    def __init__(self, start: int | None = None) -> None:
        self._now = SystemClock().now() if start is None else start

    def now(self) -> int:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the time forward by `seconds`."""
        self._now += round(seconds * SECOND)


def micros(instant: datetime) -> int:
    """An aware or naive (then UTC) `datetime` as microseconds since 1970 UTC."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=timezone.utc)
    return (instant - EPOCH) // _MICROSECOND


#: The first and the last instant that has a date.
FIRST, LAST = micros(datetime.min), micros(datetime.max)


def later(instant: int, seconds: float) -> int:
    """The instant some seconds after another, or the last (first) that has a date."""
    longest = (LAST - FIRST) / SECOND
    ahead = round(min(max(seconds, -longest), longest) * SECOND)
    return min(max(instant + ahead, FIRST), LAST)


def to_datetime(instant: int) -> datetime:
    """Microseconds since 1970 UTC as an aware `datetime` in UTC."""
    return EPOCH + timedelta(microseconds=instant)


@lru_cache(maxsize=8192)
def isoformat(instant: int) -> str:
    """The wire form: ``2026-11-22T10:00:00Z``, with six digits of a fraction unless it is zero."""
    # Cached, since a run and its state tell the same few instants over and over.
    second, fraction = divmod(instant, SECOND)
    return f"{_second(second)}.{fraction:06d}Z" if fraction else f"{_second(second)}Z"


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    # Instants that are written together are mostly close together.
    return (EPOCH + timedelta(seconds=second)).isoformat()[:-6]
