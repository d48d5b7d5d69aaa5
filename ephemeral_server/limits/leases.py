"""Leases: who has slots of which limits, and until when.

Whoever takes slots to keep them for a while gets a lease, and the slots are given back through
the lease alone: once, and exactly those that were taken. Leases live in the database, and every
function here works in the transaction that counts the slots.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from ephemeral_server.clock import SECOND, later
from ephemeral_server.database.tables import (
    concurrency_lease,
    concurrency_lease_limit,
    concurrency_limit,
    flow_run,
    task_run,
)
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.ids import new_id
from ephemeral_server.limits.store import Return, give_back_slots, take_slots

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


@dataclass(frozen=True, slots=True)
class Released:
    """How many leases ended, and how many slots came back by that, over all limits."""

    leases: int = 0
    slots: int = 0


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
        which = and_(which, _held_by(holder))
    values = {"expiration": later(now, seconds), "updated": now}
    statement = update(concurrency_lease).where(which).values(values)
    return bool(tx.connection.execute(statement).rowcount)


def read_lease(connection: Connection, lease_id: str) -> Lease | None:
    """The lease of this id, expired or not."""
    found = _read(connection, _LEASE.id == lease_id)
    return found[0] if found else None


def is_held(connection: Connection, lease_id: str, holder: Holder) -> bool:
    """Whether there is this lease, expired or not, and it is the holder's."""
    query = select(_LEASE.id).where(_LEASE.id == lease_id, _held_by(holder))
    return connection.execute(query).first() is not None


def active_leases(connection: Connection, now: int, limit_id: str) -> list[Lease]:
    """The leases on a limit that have not expired, the oldest first."""
    return _read(connection, _LEASE.expiration > now, _on_limits([limit_id]))


def expired_leases(connection: Connection, now: int) -> list[Lease]:
    """The leases that have expired and hold their slots still, the oldest first."""
    return _read(connection, _LEASE.expiration <= now)


def leases_of(connection: Connection, holder: Holder) -> list[Lease]:
    """What somebody holds, expired or not, the oldest first."""
    return _read(connection, _held_by(holder))


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


def release(tx: Transaction, lease_id: str, *, used: bool = True) -> bool:
    """Give back the slots of a lease, which ends; whether there was such a lease.

    Args:
        used: whether the time since they were taken tells how long a slot is occupied.
    """
    return _release(tx, _LEASE.id == lease_id, used=used).leases > 0


def release_held(
    tx: Transaction,
    holder: Holder,
    *,
    lease_id: str | None = None,
    limit_ids: Collection[str] = (),
) -> Released:
    """Give back what somebody holds: by the lease `lease_id`, and of the limits `limit_ids`."""
    which = or_(_LEASE.id == lease_id, _on_limits(limit_ids))
    return _release(tx, and_(_held_by(holder), which))


def release_held_by_name(tx: Transaction, holder: Holder, names: Collection[str]) -> Released:
    """Give back what somebody holds of the limits of these names."""
    query = (
        select(_LEASE.id, concurrency_limit.c.name)
        .join(concurrency_lease_limit, _ON.lease_id == _LEASE.id)
        .join(concurrency_limit, concurrency_limit.c.id == _ON.limit_id)
        .where(_held_by(holder))
    )
    # There may be many names, but nobody holds much.
    ids = {id for id, name in tx.connection.execute(query) if name in names}
    return _release(tx, _LEASE.id.in_(ids)) if ids else Released()


def release_of_flow_runs(tx: Transaction, flow_runs: Select[tuple[str]]) -> Released:
    """Give back what flow runs and their task runs hold, before they are deleted.

    The runs are locked, so that none takes a slot any more.

    Args:
        flow_runs: selects the ids of the runs.
    """
    if tx.dialect == "postgresql":
        for runs in (flow_run.c.id.in_(flow_runs), task_run.c.flow_run_id.in_(flow_runs)):
            locked = select(literal(1)).where(runs).with_for_update().subquery()
            tx.connection.execute(select(func.count()).select_from(locked))
    # There are fewer leases than runs, so the runs are looked up by the leases.
    tasks = exists().where(task_run.c.id == _LEASE.holder_id, task_run.c.flow_run_id.in_(flow_runs))
    own = and_(_LEASE.holder_type == "flow_run", _LEASE.holder_id.in_(flow_runs))
    return _release(tx, or_(own, and_(_LEASE.holder_type == "task_run", tasks)))


def release_of_task_run(tx: Transaction, task_run_id: str) -> Released:
    """Give back what a task run holds, before it is deleted; it is locked."""
    if tx.dialect == "postgresql":
        locked = select(task_run.c.id).where(task_run.c.id == task_run_id).with_for_update()
        tx.connection.execute(locked)
    return _release(tx, _held_by(Holder("task_run", task_run_id)))


def release_expired(tx: Transaction, limit: int) -> Released:
    """Give back the slots of leases that have expired, of `limit` leases at most.

    Servers that do this at the same time share the leases among them.
    """
    query = (
        select(_LEASE.id)
        .where(_LEASE.expiration <= tx.now())
        .order_by(_LEASE.expiration, _LEASE.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = tx.connection.scalars(query).all()
    return _release(tx, _LEASE.id.in_(ids)) if ids else Released()


def revoke(tx: Transaction, lease_id: str) -> bool:
    """End a lease without giving back its slots; whether there was such a lease."""
    statement = delete(concurrency_lease).where(_LEASE.id == lease_id)
    return bool(tx.connection.execute(statement).rowcount)


def _release(tx: Transaction, which: ColumnElement[bool], *, used: bool = True) -> Released:
    # Locked, so that of two who give back the same lease the second finds it gone.
    rows = tx.connection.execute(_select(which).with_for_update(of=concurrency_lease)).all()
    if not rows:
        return Released()
    now = tx.now()
    returns = [
        Return(row.limit_id, row.slots, (now - row.created) / SECOND if used else None)
        for row in rows
        if row.limit_id is not None
    ]
    give_back_slots(tx, returns)
    ids = list(dict.fromkeys(row.id for row in rows))
    tx.connection.execute(delete(concurrency_lease).where(_LEASE.id.in_(ids)))
    return Released(len(ids), sum(each.slots for each in returns))


def _read(connection: Connection, *which: ColumnElement[bool]) -> list[Lease]:
    return list(_leases(connection.execute(_select(*which))))


def _select(*which: ColumnElement[bool]) -> Select[Any]:
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


def _held_by(holder: Holder) -> ColumnElement[bool]:
    return and_(_LEASE.holder_id == holder.id, _LEASE.holder_type == holder.type)


def _on_limits(limit_ids: Collection[str] | Select[tuple[str]]) -> ColumnElement[bool]:
    own = concurrency_lease_limit.alias("own").c
    return exists().where(own.lease_id == _LEASE.id, own.limit_id.in_(limit_ids))
