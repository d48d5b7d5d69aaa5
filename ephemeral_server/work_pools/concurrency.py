"""Which slots of a work pool and its queues are taken, and by which runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, null, select

from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import flow_run, work_pool, work_queue
from ephemeral_server.wire import Shape, computed, field, instant, number, plain, raw, text
from ephemeral_server.work_pools.slots import TAKES_SLOT

#: A run that takes a slot, as JSON.
SLOT_TAKER = Shape(
    [
        field("id", plain),
        field("name", text),
        field("state_type", plain),
        field("state_name", text),
        field("start_time", instant),
        field("state_timestamp", instant),
        computed(
            "time_in_current_state",
            lambda now, since: "null" if since is None else repr((now - since) / 1_000_000),
            "state_timestamp",
        ),
    ]
)

_QUEUE_SLOTS = Shape(
    [
        field("queue_id", plain),
        field("queue_name", text),
        field("active_slots", number),
        field("concurrency_limit", number),
        field("flow_runs", raw),
        field("flow_run_count", number, "active_slots"),
    ]
)

_Q, _R = work_queue.c, flow_run.c
_POOL = select(work_pool.c.id, work_pool.c.concurrency_limit).where(
    work_pool.c.name == bindparam("name")
)
_QUEUES = (
    select(_Q.id, _Q.name, _Q.concurrency_limit)
    .where(_Q.work_pool_id == bindparam("pool_id"))
    .order_by(*ascending(_Q.priority, _Q.id))
)
_COUNT = select(func.count()).where(_Q.work_pool_id == bindparam("pool_id"))
_TAKEN = (
    select(_R.work_queue_id, func.count())
    .join(work_queue, _Q.id == _R.work_queue_id)
    .where(_Q.work_pool_id == bindparam("pool_id"), TAKES_SLOT)
    .group_by(_R.work_queue_id)
)
# Not the bare id: for it SQLite would walk all runs of a queue in their order.
_ORDER = func.coalesce(_R.id, null())
_TAKERS = (
    select(
        _R.work_queue_id,
        *[_R[key] for key in SLOT_TAKER.keys],
        func.row_number().over(partition_by=_R.work_queue_id, order_by=_ORDER).label("place"),
    )
    .where(_R.work_queue_id.in_(bindparam("queue_ids", expanding=True)), TAKES_SLOT)
    .subquery()
)
_FIRST_TAKERS = (
    select(_TAKERS)
    .where(_TAKERS.c.place <= bindparam("most"))
    .order_by(_TAKERS.c.work_queue_id, _TAKERS.c.place)
)


class QueueSlots(NamedTuple):
    """The slots of a queue.

    Attributes:
        limit: None if it has none.
        taken: how many.
        takers: the first runs that take them, as rows for `SLOT_TAKER`.
    """

    id: str
    name: str
    limit: int | None
    taken: int
    takers: Sequence[Sequence[Any]]


class PoolSlots(NamedTuple):
    """The slots of a pool.

    Attributes:
        limit: None if it has none.
        taken: how many.
        queues: those of one page.
        queue_count: how many queues the pool has.
    """

    limit: int | None
    taken: int
    queues: Sequence[QueueSlots]
    queue_count: int


def read_slots(
    connection: Connection, name: str, limit: int, offset: int, most: int
) -> PoolSlots | None:
    """The slots of the pool of this name, and of some of its queues by priority.

    Args:
        limit: how many queues.
        offset: how many queues come before these.
        most: how many runs of each queue.
    """
    pool = connection.execute(_POOL, {"name": name}).one_or_none()
    if pool is None:
        return None
    which = {"pool_id": pool.id}
    rows = connection.execute(_QUEUES.limit(limit).offset(offset), which).all()
    taken = {row[0]: row[1] for row in connection.execute(_TAKEN, which)}
    takers = _takers(connection, [row.id for row in rows if row.id in taken], most)
    queues = [QueueSlots(*row, taken.get(row.id, 0), takers.get(row.id, ())) for row in rows]
    count = connection.execute(_COUNT, which).scalar_one()
    return PoolSlots(pool.concurrency_limit, sum(taken.values()), queues, count)


def queues_json(queues: Sequence[QueueSlots], now: int) -> str:
    """The slots of queues as a JSON list; `now` is when they were read."""
    return _QUEUE_SLOTS.render_all(
        (each.id, each.name, each.taken, each.limit, SLOT_TAKER.render_all(each.takers, now))
        for each in queues
    )


def _takers(
    connection: Connection, queue_ids: list[str], most: int
) -> dict[str, list[Sequence[Any]]]:
    found: dict[str, list[Sequence[Any]]] = {}
    if queue_ids and most:
        which = {"queue_ids": queue_ids, "most": most}
        for id, *run, _ in connection.execute(_FIRST_TAKERS, which):
            found.setdefault(id, []).append(run)
    return found
