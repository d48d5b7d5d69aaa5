"""The slots of work pools and queues that runs take."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, and_, case, func, select, text

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.tables import flow_run, work_pool, work_queue
from ephemeral_server.orchestration.states import CANCELLING

# In the query's text, and just as the index has it, so that SQLite knows what the index holds.
#: A run has begun, or is about to, and has not ended.
BUSY = text("flow_run.state_type IN ('PENDING', 'RUNNING', 'CANCELLING')")

#: A run takes a slot of its queue and of its pool until it has ended or is being cancelled.
TAKES_SLOT: Clause = and_(BUSY, flow_run.c.state_type != CANCELLING)


def _if_limited(limit: Column[Any], count: Any) -> ColumnElement[int | None]:
    return case((limit.is_not(None), count.scalar_subquery())).label("active_slots")


#: How many slots of a `work_pool` are taken, None if it has no limit.
SLOTS_OF_POOL = _if_limited(
    work_pool.c.concurrency_limit,
    select(func.count())
    .select_from(work_queue.join(flow_run, flow_run.c.work_queue_id == work_queue.c.id))
    .where(work_queue.c.work_pool_id == work_pool.c.id, TAKES_SLOT)
    .correlate(work_pool),
)


def slots_of_queue(takes_slot: Any) -> ColumnElement[int | None]:
    """How many slots of a `work_queue` are taken, None if it has no limit.

    Args:
        takes_slot: a run of the queue takes one.
    """
    runs = select(func.count()).select_from(flow_run)
    mine = flow_run.c.work_queue_id == work_queue.c.id
    return _if_limited(
        work_queue.c.concurrency_limit, runs.where(mine, takes_slot).correlate(work_queue)
    )


SLOTS_OF_QUEUE = slots_of_queue(TAKES_SLOT)
