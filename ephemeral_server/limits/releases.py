"""Giving slots back: through their leases, which end by that.

Nothing else gives leased slots back, so they come back once however many try at the same time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
)

from ephemeral_server.clock import SECOND
from ephemeral_server.database.tables import (
    concurrency_lease,
    concurrency_lease_limit,
    concurrency_limit,
    flow_run,
    task_run,
)
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.limits.leases import Holder, held_by, on_limits, select_leases
from ephemeral_server.limits.slots import Return, give_back_slots

_LEASE = concurrency_lease.c
_ON = concurrency_lease_limit.c
_OLDEST_FIRST = (_LEASE.created, _LEASE.id)


@dataclass(frozen=True, slots=True)
class Released:
    """How many leases ended, and how many slots came back by that, over all limits."""

    leases: int = 0
    slots: int = 0


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
    which = or_(_LEASE.id == lease_id, on_limits(limit_ids))
    return _release(tx, and_(held_by(holder), which))


def release_held_by_name(tx: Transaction, holder: Holder, names: Collection[str]) -> Released:
    """Give back what somebody holds of the limits of these names."""
    query = (
        select(_LEASE.id, concurrency_limit.c.name)
        .join(concurrency_lease_limit, _ON.lease_id == _LEASE.id)
        .join(concurrency_limit, concurrency_limit.c.id == _ON.limit_id)
        .where(held_by(holder))
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
    return _release(tx, held_by(Holder("task_run", task_run_id)))


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


def detach(tx: Transaction, limit_id: str) -> None:
    """Take a limit out of the leases on it, and end those that are on no other.

    Nothing is given back: the limit is about to go, or its slots are counted anew. It is locked
    after this, and a lease that comes in the way of that lock stays: it is one taken later.
    """
    on_it = select(_LEASE.id).where(on_limits([limit_id])).order_by(*_OLDEST_FIRST)
    # First the leases: who gives one back has locked it when he comes to the limit.
    ids = tx.connection.scalars(on_it.with_for_update()).all()
    lock = select(concurrency_limit.c.id).where(concurrency_limit.c.id == limit_id)
    tx.connection.execute(lock.with_for_update())
    if ids:
        rows = [{"lease": id, "limit": limit_id} for id in ids]
        tx.connection.execute(_DETACH, rows)
        tx.connection.execute(_END_EMPTY, rows)


_DETACH = delete(concurrency_lease_limit).where(
    _ON.lease_id == bindparam("lease"), _ON.limit_id == bindparam("limit")
)
_END_EMPTY = delete(concurrency_lease).where(
    _LEASE.id == bindparam("lease"), ~exists().where(_ON.lease_id == _LEASE.id)
)


def _release(tx: Transaction, which: ColumnElement[bool], *, used: bool = True) -> Released:
    if tx.dialect == "postgresql":
        # Of two who give back the same lease the second finds it gone; and the statement after
        # this one sees of which limits it still is.
        locked = select(_LEASE.id).where(which).order_by(*_OLDEST_FIRST).with_for_update()
        ids = tx.connection.scalars(locked).all()
        if not ids:
            return Released()
        which = _LEASE.id.in_(ids)
    rows = tx.connection.execute(select_leases(which)).all()
    if not rows:
        return Released()
    now = tx.now()
    returns = [
        Return(row.limit_id, row.slots, (now - row.created) / SECOND if used else None)
        for row in rows
        if row.limit_id is not None
    ]
    give_back_slots(tx, returns)
    ended = list(dict.fromkeys(row.id for row in rows))
    tx.connection.execute(delete(concurrency_lease).where(_LEASE.id.in_(ended)))
    return Released(len(ended), sum(each.slots for each in returns))
