"""What happens when a worker asks its pool for runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, func, or_, select

from ephemeral_server.database.prepared import Prepared, fetch_all
from ephemeral_server.database.tables import deployment, flow_run, work_pool, work_queue, worker
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.polled import DEPLOYMENTS, mark_queues_polled
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.work_pools.claims import claim
from ephemeral_server.work_pools.picking import IN_WINDOW, Wanted, pick
from ephemeral_server.work_pools.polling_wire import WORKER_FLOW_RUN
from ephemeral_server.work_pools.status import ONLINE
from ephemeral_server.work_pools.store import lock_pool, no_pool
from ephemeral_server.work_queues.polled import QUEUES

#: Values of flow runs in the order of the keys of `WORKER_FLOW_RUN`.
Rows = Sequence[Sequence[Any]]

_P = work_pool.c
_Q = work_queue.c

#: However many share the runs of a pool, a worker is given as many as this, if they are there.
FEW = 10

_ONLINE = select(func.count()).where(worker.c.work_pool_id == _P.id, worker.c.status == ONLINE)
_POOL = Prepared(
    select(
        _P.id,
        _P.is_paused,
        _P.concurrency_limit,
        _ONLINE.correlate(work_pool).scalar_subquery().label("workers"),
    ).where(_P.name == bindparam("name"))
)
_HAS_WORK = exists().where(flow_run.c.work_queue_id == _Q.id, IN_WINDOW)
# (Of a column that the index holds: SQLite would read the rows for all columns.)
_HAS_DUE = exists(deployment.c.status).where(
    deployment.c.work_queue_id == _Q.id, DEPLOYMENTS.is_due
)
_QUEUES = (
    select(
        _Q.id,
        _Q.name,
        _Q.is_paused,
        _Q.concurrency_limit,
        _Q.priority,
        _HAS_WORK.label("has_work"),
        or_(QUEUES.is_due, _HAS_DUE).label("is_due"),
    )
    .where(_Q.work_pool_id == bindparam("pool_id"))
    .order_by(_Q.priority, _Q.id)
)
_RUNS = select(
    *(
        {**flow_run.c, "work_pool_id": _Q.work_pool_id}[key].label(key)
        for key in WORKER_FLOW_RUN.keys
    )
).join(work_queue, _Q.id == flow_run.c.work_queue_id)
#: Where in these values the run's id is.
_ID = WORKER_FLOW_RUN.keys.index("id")


@dataclass(frozen=True, slots=True)
class Poll:
    """A worker's question.

    Attributes:
        pool: its name.
        queues: names of those it serves; empty: all.
    """

    pool: str
    queues: frozenset[str]
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Found:
    """What there is for a worker.

    Attributes:
        run_ids: of the runs that it would be given.
        queue_ids: of the queues that were asked, paused ones as well.
        to_be_marked: whether one of the queues, or of their deployments, is to be marked.
    """

    run_ids: list[str]
    queue_ids: list[str]
    to_be_marked: bool


def look(connection: Connection, poll: Poll, now: int, *, lock: bool = False) -> Found:
    """Look for what there is for a worker, without giving it.

    Args:
        now: the present instant.
        lock: see `pick`.

    Raises:
        ObjectNotFoundError: there is no such pool, or no such queue in it.
    """
    pool = _POOL.mapping(connection, {"name": poll.pool})
    if pool is None:
        raise no_pool(poll.pool)
    window = {"after": poll.wanted.after, "before": poll.wanted.before}
    rows = connection.execute(_QUEUES, {"pool_id": pool["id"], "polled": now, **window}).all()
    queues = _asked(poll, rows)
    picked = []
    if not pool["is_paused"]:
        picked = pick(connection, pool, queues, poll.wanted, now, lock=lock)
    if poll.wanted.claims:
        picked = picked[: _share(len(picked), pool["workers"])]
    return Found(picked, [queue.id for queue in queues], any(queue.is_due for queue in queues))


def read_runs(connection: Connection, ids: Sequence[str]) -> Rows:
    """Flow runs as a worker is given them, in the order of their ids."""
    rows = fetch_all(connection, _RUNS.where(flow_run.c.id.in_(ids)))
    place = {id: place for place, id in enumerate(ids)}
    return sorted(rows, key=lambda row: place[row[_ID]])


def give(tx: Transaction, poll: Poll, seconds: float) -> Rows:
    """Give a worker its runs, and keep others from them.

    Args:
        seconds: for how long.

    Raises:
        ObjectNotFoundError: see `look`.
    """
    if tx.dialect == "postgresql":
        lock_pool(tx, poll.pool)
    found = look(tx.connection, poll, tx.now(), lock=True)
    if found.run_ids:
        claim(tx, found.run_ids, seconds)
    if found.to_be_marked:
        mark_queues_polled(tx, found.queue_ids)
    return read_runs(tx.connection, found.run_ids)


def _share(number: int, workers: int) -> int:
    """How many of the runs that are there one of the workers is given.

    It may have room for a few of them only, and nobody else gets the others meanwhile. If each
    took all, workers that are busy would keep the runs from those that are not.
    """
    return max(FEW, -(-number // max(1, workers)))


def _asked(poll: Poll, queues: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    if not poll.queues:
        return queues
    asked = [queue for queue in queues if queue.name in poll.queues]
    unknown = poll.queues.difference(queue.name for queue in asked)
    if unknown:
        raise ObjectNotFoundError(f"Work pool queue '{poll.pool}/{min(unknown)}' not found.")
    return asked
