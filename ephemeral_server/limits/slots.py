"""Taking slots of concurrency limits and giving them back, in SQL alone.

What is read before may be over when it is written, so whether a limit has enough slots is
decided by the statement that takes them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Update,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    select,
    update,
)

from ephemeral_server.database.tables import concurrency_limit
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.fields import LARGEST
from ephemeral_server.limits.decay import NOW, decayed, denials_left

#: A slot counts as occupied for at least this long (seconds).
SHORTEST_OCCUPANCY = 0.1

_C = concurrency_limit.c


@dataclass(frozen=True, slots=True)
class Return:
    """Slots of one limit that are given back.

    Attributes:
        occupied_seconds: for how long they were taken; None: they were not used.
    """

    limit_id: str
    slots: int
    occupied_seconds: float | None = None


_IDS: ColumnElement[list[str]] = bindparam("ids", expanding=True)
#: In the order of their ids, so that no two transactions wait for each other.
_LOCK = select(_C.id).where(_C.id.in_(_IDS)).order_by(_C.id).with_for_update(key_share=True)


def take_slots(tx: Transaction, limit_ids: Collection[str], slots: int = 1) -> bool:
    """Take slots of each of the limits, or of none of them.

    Args:
        limit_ids: of the limits; one that is gone or not active has no slots.
        slots: how many of each.

    Returns:
        Whether all limits had enough.
    """
    ids = sorted(set(limit_ids))
    if not ids:
        return True
    if tx.dialect == "postgresql":
        # The statement after this one sees what others did to the rows before we had them.
        tx.connection.execute(_LOCK, {"ids": ids})
    values = {"ids": ids, "wanted": slots, "now": tx.now(), "asked": len(ids)}
    return tx.connection.execute(_taking(tx.dialect), values).rowcount == len(ids)


@lru_cache(maxsize=2)
def _taking(dialect: str) -> Update:
    wanted: ColumnElement[int] = bindparam("wanted", type_=BigInteger)
    other = concurrency_limit.alias("other")
    # Subtracted only where that is not less than nothing: the sum of both may be too large.
    taken = decayed(dialect, other).left
    enough = case((other.c.slots >= wanted, taken <= other.c.slots - wanted), else_=false())
    able = and_(other.c.id.in_(_IDS), other.c.active, enough)
    how_many = select(func.count()).where(able).scalar_subquery()
    now = decayed(dialect, concurrency_limit)
    return (
        update(concurrency_limit)
        .where(_C.id.in_(_IDS), how_many == bindparam("asked", type_=BigInteger))
        .values(active_slots=now.left + wanted, decays_from=now.since, updated=NOW)
    )


def note_denial(tx: Transaction, limit_ids: Collection[str]) -> None:
    """Count that somebody asked for slots of these limits in vain; whoever is next waits longer.

    Limits that others are at work with are passed over rather than waited for.
    """
    tx.connection.execute(_denying(tx.dialect), {"ids": list(limit_ids), "now": tx.now()})


@lru_cache(maxsize=2)
def _denying(dialect: str) -> Update:
    other = concurrency_limit.alias("other").c
    idle = select(other.id).where(other.id.in_(_IDS)).order_by(other.id)
    idle = idle.with_for_update(key_share=True, skip_locked=True)
    now = denials_left(dialect, concurrency_limit)
    return (
        update(concurrency_limit)
        .where(_C.id.in_(idle), _C.denied_slots < LARGEST)
        .values(denied_slots=now.left + 1, denied_decays_from=now.since)
    )


def give_back_slots(tx: Transaction, returns: Iterable[Return]) -> None:
    """Give back slots, whether their limits are active or not; no limit has less than none taken.

    How long they were taken moves the limit's average: the more slots it has, the less.
    """
    now = tx.now()
    rows = [
        {
            "limit_id": each.limit_id,
            "returned": each.slots,
            "occupied": None
            if each.occupied_seconds is None
            else max(each.occupied_seconds / max(1, each.slots), SHORTEST_OCCUPANCY),
            "now": now,
        }
        for each in sorted(returns, key=lambda each: each.limit_id)
    ]
    if rows:
        tx.connection.execute(_giving_back(tx.dialect), rows)


@lru_cache(maxsize=2)
def _giving_back(dialect: str) -> Update:
    returned: ColumnElement[int] = bindparam("returned", type_=BigInteger)
    occupied: ColumnElement[float] = bindparam("occupied", type_=Double)
    now = decayed(dialect, concurrency_limit)
    average = _C.avg_slot_occupancy_seconds
    moved = average + (occupied - average) / (2.0 * cast(_C.slots, Double))
    return (
        update(concurrency_limit)
        .where(_C.id == bindparam("limit_id"))
        .values(
            active_slots=case((now.left > returned, now.left - returned), else_=0),
            decays_from=now.since,
            avg_slot_occupancy_seconds=case(
                # A limit without slots has no average.
                (and_(_C.slots > 0, occupied.is_not(None)), moved),
                else_=average,
            ),
            updated=NOW,
        )
    )
