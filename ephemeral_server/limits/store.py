"""Concurrency limits: reading them, taking their slots and giving them back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Row,
    Update,
    and_,
    bindparam,
    case,
    func,
    select,
    update,
)

from ephemeral_server.database.tables import concurrency_limit
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.limits.decay import NOW, decayed, slots_left
from ephemeral_server.settings import Settings

#: What the name of a tag's limit begins with.
TAG_PREFIX = "tag:"
#: A slot counts as occupied for at least this long (seconds).
SHORTEST_OCCUPANCY = 0.1
#: Databases take no more than some thousand values in a statement.
_AT_ONCE = 1000

_C = concurrency_limit.c


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit at one instant.

    Attributes:
        active: whether it is in force.
        slots: how many it has.
        active_slots: how many of them are taken; what has decayed is not counted.
        denied_slots: how many were asked for lately in vain, as it was when it last changed.
        slot_decay_per_second: how many of the taken ones come back by themselves; 0: none.
        avg_slot_occupancy_seconds: how long a slot is taken, roughly.
    """

    id: str
    name: str
    active: bool
    slots: int
    active_slots: int
    denied_slots: int
    slot_decay_per_second: float
    avg_slot_occupancy_seconds: float


@dataclass(frozen=True, slots=True)
class Return:
    """Slots of one limit that are given back.

    Attributes:
        occupied_seconds: for how long they were taken; None: they were not used.
    """

    limit_id: str
    slots: int
    occupied_seconds: float | None = None


def read_limit(connection: Connection, now: int, limit_id: str) -> Limit | None:
    """The limit of this id, as it is at `now`."""
    row = connection.execute(select(concurrency_limit).where(_C.id == limit_id)).first()
    return None if row is None else _limit(row, now)


def read_limits_by_name(connection: Connection, now: int, names: Sequence[str]) -> list[Limit]:
    """The limits of these names, in the order of the names; those that do not exist are left out.

    Args:
        now: the instant that the limits are read for.
        names: without repetitions.
    """
    found: dict[str, Row[Any]] = {}
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        query = select(concurrency_limit).where(_C.name.in_(some))
        found |= {row.name: row for row in connection.execute(query)}
    return [_limit(found[name], now) for name in names if name in found]


def _limit(row: Row[Any], now: int) -> Limit:
    left = slots_left(row.active_slots, row.slot_decay_per_second, row.decays_from, now)
    return Limit(
        id=row.id,
        name=row.name,
        active=row.active,
        slots=row.slots,
        active_slots=left,
        denied_slots=row.denied_slots,
        slot_decay_per_second=row.slot_decay_per_second,
        avg_slot_occupancy_seconds=row.avg_slot_occupancy_seconds,
    )


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
    able = and_(
        other.c.id.in_(_IDS),
        other.c.active,
        decayed(dialect, other).left + wanted <= other.c.slots,
    )
    how_many = select(func.count()).select_from(other).where(able).scalar_subquery()
    now = decayed(dialect, concurrency_limit)
    return (
        update(concurrency_limit)
        .where(_C.id.in_(_IDS), how_many == bindparam("asked", type_=BigInteger))
        .values(active_slots=now.left + wanted, decays_from=now.since, updated=NOW)
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
    moved = average + (occupied - average) / (2 * _C.slots)
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


def note_denied_slots(
    tx: Transaction, settings: Settings, limit_ids: Collection[str], slots: int
) -> None:
    """Remember that slots were asked for in vain; who asks later is then told to wait longer."""
    now = tx.now()
    query = select(concurrency_limit).where(_C.id.in_(limit_ids)).order_by(_C.id)
    rows = [
        {"limit_id": row.id, "denied": _still_denied(row, settings, now) + slots, "now": now}
        for row in tx.connection.execute(query.with_for_update(key_share=True))
    ]
    if rows:
        tx.connection.execute(_DENY, rows)


_DENY = (
    update(concurrency_limit)
    .where(_C.id == bindparam("limit_id"))
    .values(denied_slots=bindparam("denied"), denied_decays_from=NOW)
)


def _still_denied(row: Row[Any], settings: Settings, now: int) -> int:
    rate = row.slot_decay_per_second
    if rate <= 0:
        occupied = min(row.avg_slot_occupancy_seconds, longest_wait(settings, row.name))
        rate = 1 / max(SHORTEST_OCCUPANCY, occupied)
    return slots_left(row.denied_slots, rate, row.denied_decays_from, now)


def longest_wait(settings: Settings, name: str) -> float:
    """The longest time in seconds that a client is told to wait for a slot of the limit `name`."""
    if name.startswith(TAG_PREFIX):
        return settings.tag_slot_wait_seconds
    return settings.maximum_slot_wait_seconds
