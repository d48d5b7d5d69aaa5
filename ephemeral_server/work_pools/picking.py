"""Which scheduled runs a worker is given: by the priorities of queues, and within the limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    not_,
    select,
    union_all,
)

from ephemeral_server.clock import FIRST, LAST
from ephemeral_server.database.tables import flow_run, work_queue
from ephemeral_server.work_pools.claims import CLAIMED, UNCLAIMED
from ephemeral_server.work_pools.slots import TAKES_SLOT

_C = flow_run.c

#: In the query's text, so that it is known to ask for what the index holds.
SCHEDULED: ColumnElement[bool] = _C.state_type == literal_column("'SCHEDULED'")

#: A run is scheduled within the window from ``:after`` to ``:before``.
IN_WINDOW = and_(
    SCHEDULED,
    _C.next_scheduled_start_time >= bindparam("after"),
    _C.next_scheduled_start_time <= bindparam("before"),
)

# Between its tries such a run stays with the process that it is in.
_RETRIES_BY_ITSELF = _C.empirical_policy.contains('"retry_type":"in_process"', autoescape=True)

#: Within the window a run waits for a worker.
WAITS = and_(IN_WINDOW, not_(_RETRIES_BY_ITSELF))

_NEXT = (
    select(_C.id, _C.next_scheduled_start_time.label("at"))
    .where(_C.work_queue_id == bindparam("queue_id"), WAITS)
    .order_by(_C.next_scheduled_start_time, _C.id)
    .limit(bindparam("number", type_=Integer))
)

_POOLS_QUEUES = select(work_queue.c.id).where(work_queue.c.work_pool_id == bindparam("pool_id"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a worker asks for.

    Attributes:
        limit: how many runs at most.
        after, before: from when to when they are scheduled; microseconds since 1970 UTC.
        claims: whether runs that others have claimed are left to them.
    """

    limit: int
    after: int = FIRST
    before: int = LAST
    claims: bool = True


def pick(
    connection: Connection,
    pool: Mapping[str, Any],
    queues: Sequence[Row[Any]],
    wanted: Wanted,
    now: int,
    *,
    lock: bool = False,
) -> list[str]:
    """The ids of the runs for a worker, in the order in which they are to be run.

    Args:
        pool: its row.
        queues: rows of those that are asked, the most urgent first.
        now: the present instant.
        lock: nobody else changes the runs until the commit; those that somebody works on just
            now are left out. Who wants to keep them has locked the pool, so that the limits hold.
    """
    queues = [queue for queue in queues if not queue.is_paused]
    limits = [queue.concurrency_limit for queue in queues]
    taken: Counter[str] = Counter()
    if any(limit is not None for limit in (pool["concurrency_limit"], *limits)):
        taken = _taken(connection, pool["id"], now, claims=wanted.claims)
    left = _least(wanted.limit, pool["concurrency_limit"], taken.total())
    query = _query(claims=wanted.claims, lock=lock)
    values = {"after": wanted.after, "before": wanted.before, "now": now}
    picked: list[str] = []
    for _, equals in groupby(queues, attrgetter("priority")):
        rows: list[Row[Any]] = []
        for queue in equals:
            number = _least(left, queue.concurrency_limit, taken[queue.id])
            if number and queue.has_work:
                of_queue = {**values, "queue_id": queue.id, "number": number}
                rows += connection.execute(query, of_queue)
        rows.sort(key=attrgetter("at", "id"))
        picked += [row.id for row in rows[:left]]
        left -= len(rows[:left])
    return picked


def _least(number: int, limit: int | None, taken: int) -> int:
    """How many runs there is room for, of those that are wanted."""
    return number if limit is None else max(0, min(number, limit - taken))


@lru_cache
def _query(*, claims: bool, lock: bool) -> Select[Any]:
    query = _NEXT.where(UNCLAIMED) if claims else _NEXT
    return query.with_for_update(skip_locked=True, key_share=True) if lock else query


def _taken_slots(*, claims: bool) -> Select[Any]:
    runs = [select(_C.work_queue_id).where(_C.work_queue_id.in_(_POOLS_QUEUES), TAKES_SLOT)]
    if claims:
        runs.append(CLAIMED)
    # One query: a run that is begun just now is in one of the two.
    queue_id = union_all(*runs).subquery().c.work_queue_id
    slots = select(queue_id, func.count().label("runs")).where(queue_id.in_(_POOLS_QUEUES))
    return slots.group_by(queue_id)


_TAKEN = {claims: _taken_slots(claims=claims) for claims in (True, False)}


def _taken(connection: Connection, pool_id: str, now: int, *, claims: bool) -> Counter[str]:
    """How many slots are taken, or claimed by workers, by the ids of the pool's queues."""
    rows = connection.execute(_TAKEN[claims], {"pool_id": pool_id, "now": now})
    return Counter({row.work_queue_id: row.runs for row in rows})
