"""Leases: who has slots of which limits, and until when.

Whoever takes slots to keep them for a while gets a lease, and the slots are given back through
the lease alone: once, and exactly those that were taken. Leases live in the database, and every
function here works in the transaction that counts the slots.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, select, update

from ephemeral_server.clock import later
from ephemeral_server.database.tables import concurrency_lease, concurrency_lease_limit
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.ids import new_id
from ephemeral_server.limits.slots import take_slots

HolderType = Literal["flow_run", "task_run", "deployment"]

#: How long a lease runs that nobody renews (seconds): a hundred years.
FOREVER = 100 * 365.25 * 24 * 3600

_LEASE = concurrency_lease.c
_ON = concurrency_lease_limit.c


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose slots they are."""

    type: HolderType
    id: str


@dataclass(frozen=True, slots=True)
class Lease:
    """Slots that somebody has.

    Attributes:
        limit_ids: the limits, in the order of their ids; those deleted meanwhile are left out.
        slots: how many of each limit.
        created: when they were taken, microseconds since 1970 UTC.
        expiration: when they may be given to others, likewise.
        holder: None if nobody was named.
    """

    id: str
    limit_ids: tuple[str, ...]
    slots: int
    created: int
    expiration: int
    holder: Holder | None


def acquire(
    tx: Transaction,
    limit_ids: Collection[str],
    seconds: float,
    *,
    slots: int = 1,
    holder: Holder | None = None,
) -> str | None:
    """Take slots of each of the limits and lease them.

    Args:
        limit_ids: at least one.
        seconds: until the lease expires.
        slots: how many of each limit.
        holder: whose they will be.

    Returns:
        The id of the lease; None if a limit has not enough, is not active or is gone, and
        then nothing was taken.
    """
    if not take_slots(tx, limit_ids, slots):
        return None
    return create_lease(tx, limit_ids, seconds, slots=slots, holder=holder)


def create_lease(
    tx: Transaction,
    limit_ids: Collection[str],
    seconds: float,
    *,
    slots: int = 1,
    holder: Holder | None = None,
) -> str:
    """Lease slots that were taken in this transaction; the id of the lease.

    Raises:
        IntegrityError: one of the limits does not exist.
    """
    now = tx.now()
    lease_id = new_id(now)
    row = {
        "id": lease_id,
        "created": now,
        "updated": now,
        "expiration": later(now, seconds),
        "slots": slots,
        "holder_type": None if holder is None else holder.type,
        "holder_id": None if holder is None else holder.id,
    }
    tx.connection.execute(concurrency_lease.insert(), row)
    rows = [{"lease_id": lease_id, "limit_id": limit_id} for limit_id in sorted(set(limit_ids))]
    if rows:
        tx.connection.execute(concurrency_lease_limit.insert(), rows)
    return lease_id


def renew(tx: Transaction, lease_id: str, seconds: float, holder: Holder | None = None) -> bool:
    """Let a lease expire `seconds` from now; whether there is such a lease.

    One that has expired can be renewed until its slots are given back.

    Args:
        holder: whose lease it has to be; None: anybody's.
    """
    now = tx.now()
    which = _LEASE.id == lease_id
    if holder is not None:
        which = and_(which, held_by(holder))
    values = {"expiration": later(now, seconds), "updated": now}
    statement = update(concurrency_lease).where(which).values(values)
    return bool(tx.connection.execute(statement).rowcount)


def read_lease(connection: Connection, lease_id: str) -> Lease | None:
    """The lease of this id, expired or not."""
    found = _read(connection, _LEASE.id == lease_id)
    return found[0] if found else None


def is_held(connection: Connection, lease_id: str, holder: Holder) -> bool:
    """Whether there is this lease, expired or not, and it is the holder's."""
    query = select(_LEASE.id).where(_LEASE.id == lease_id, held_by(holder))
    return connection.execute(query).first() is not None


def active_leases(connection: Connection, now: int, limit_id: str) -> list[Lease]:
    """The leases on a limit that have not expired, the oldest first."""
    return _read(connection, _LEASE.expiration > now, on_limits([limit_id]))


def expired_leases(connection: Connection, now: int) -> list[Lease]:
    """The leases that have expired and hold their slots still, the oldest first."""
    return _read(connection, _LEASE.expiration <= now)


def leases_of(connection: Connection, holder: Holder) -> list[Lease]:
    """What somebody holds, expired or not, the oldest first."""
    return _read(connection, held_by(holder))


def holders_of(
    connection: Connection, now: int, limit_ids: Collection[str]
) -> dict[str, list[Holder]]:
    """Who holds slots of each of the limits by leases that have not expired, the oldest first.

    Leases without a holder are left out; who has two leases is told twice.
    """
    query = (
        select(_ON.limit_id, _LEASE.holder_type, _LEASE.holder_id)
        .join(concurrency_lease, _LEASE.id == _ON.lease_id)
        .where(_ON.limit_id.in_(limit_ids), _LEASE.expiration > now, _LEASE.holder_id.is_not(None))
        .order_by(_LEASE.created, _LEASE.id)
    )
    holders: dict[str, list[Holder]] = {limit_id: [] for limit_id in limit_ids}
    for limit_id, type, id in connection.execute(query):
        holders[limit_id].append(Holder(type, id))
    return holders


def _read(connection: Connection, *which: ColumnElement[bool]) -> list[Lease]:
    return list(_leases(connection.execute(select_leases(*which))))


def select_leases(*which: ColumnElement[bool]) -> Select[Any]:
    """Leases, each as often as it has limits, the oldest first."""
    return (
        select(concurrency_lease, _ON.limit_id)
        .outerjoin(concurrency_lease_limit, _ON.lease_id == _LEASE.id)
        .where(*which)
        .order_by(_LEASE.created, _LEASE.id, _ON.limit_id)
    )


def _leases(rows: Iterable[Any]) -> Iterable[Lease]:
    grouped: dict[str, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row.id, []).append(row)
    for each in grouped.values():
        first = each[0]
        yield Lease(
            id=first.id,
            limit_ids=tuple(row.limit_id for row in each if row.limit_id is not None),
            slots=first.slots,
            created=first.created,
            expiration=first.expiration,
            holder=Holder(first.holder_type, first.holder_id) if first.holder_id else None,
        )


def held_by(holder: Holder) -> ColumnElement[bool]:
    """Leases of this holder."""
    return and_(_LEASE.holder_id == holder.id, _LEASE.holder_type == holder.type)


def on_limits(limit_ids: Collection[str] | Select[tuple[str]]) -> ColumnElement[bool]:
    """Leases on one of these limits."""
    own = concurrency_lease_limit.alias("own").c
    return exists().where(own.lease_id == _LEASE.id, own.limit_id.in_(limit_ids))
