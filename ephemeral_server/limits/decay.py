"""Slots that come back by themselves, in SQL and in Python.

A limit may let its taken slots decay at a rate. What is stored is how many were taken at an
instant; from then on whole slots decay. When the row is written that instant moves on by the
time that the decayed slots took and no further, so the fraction since then is never lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    FromClause,
    bindparam,
    case,
    cast,
    func,
    literal,
)

from ephemeral_server.clock import SECOND

#: How many who were denied slots of one limit may ask again in a second: as many are forgotten.
DENIALS_PER_SECOND = 100.0

#: Slots per second; a rate outside of these counts as none, or as the highest.
_SLOWEST, _FASTEST = 1e-9, 1e9

NOW: ColumnElement[int] = bindparam("now", type_=BigInteger)


@dataclass(frozen=True, slots=True)
class Decayed:
    """Expressions over a row of ``concurrency_limit`` and the parameter `NOW`.

    Attributes:
        left: what is left.
        since: from when that decays.
    """

    left: ColumnElement[int]
    since: ColumnElement[int]


def decayed(dialect: str, table: FromClause) -> Decayed:
    """What has become of the taken slots of each row by `NOW`."""
    c = table.c
    return _decayed(dialect, c.active_slots, c.decays_from, c.slot_decay_per_second)


def denials_left(dialect: str, table: FromClause) -> Decayed:
    """What has become of the denials of each row by `NOW`."""
    return _decayed(
        dialect, table.c.denied_slots, table.c.denied_decays_from, literal(DENIALS_PER_SECOND)
    )


def _decayed(
    dialect: str,
    taken: ColumnElement[int],
    since: ColumnElement[int],
    given: ColumnElement[float],
) -> Decayed:
    rate = case((given < _SLOWEST, 0.0), (given > _FASTEST, _FASTEST), else_=given)
    elapsed = case((since < NOW, NOW - since), else_=0)
    # In slots times microseconds, where no value of a column overflows or underflows.
    amount = rate * cast(elapsed, Double)
    whole = _floor(dialect, amount / float(SECOND))
    left = case((amount >= cast(taken, Double) * float(SECOND), 0), else_=taken - whole)
    lasted = _floor(dialect, cast(whole, Double) * float(SECOND) / rate)
    moved = case((left == 0, NOW), (rate > 0, since + lasted), else_=NOW)
    return Decayed(left, moved)


def _floor(dialect: str, value: ColumnElement[Any]) -> ColumnElement[int]:
    # SQLite cuts the fraction off, and may know no FLOOR; PostgreSQL would round.
    return cast(value if dialect == "sqlite" else func.floor(value), BigInteger)


def slots_left(slots: int, rate: float, since: int, now: int) -> int:
    """What is left of slots that decay.

    Args:
        slots: how many there were at `since`.
        rate: how many decay in a second.
        since, now: microseconds since 1970 UTC.
    """
    if rate < _SLOWEST or now <= since:
        return max(0, slots)
    return max(0, slots - math.floor(min(rate, _FASTEST) * (now - since) / SECOND))
