"""Asks workers to tear down what is left of flow runs."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from ephemeral_server.database.tables import flow_run, work_pool, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.workers.cleanup.queue import enqueue

KIND = "cancelling_timeout_teardown.v1"

#: Pools of types that end so are served by no worker.
_WORKERLESS = (":push", ":managed")

_PLACE = (
    select(
        flow_run.c.infrastructure_pid,
        flow_run.c.work_queue_id,
        work_pool.c.id.label("pool_id"),
        work_pool.c.type,
    )
    .join(work_queue, work_queue.c.id == flow_run.c.work_queue_id)
    .join(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
    .where(flow_run.c.id == bindparam("id"))
)


def tear_down(tx: Transaction, flow_run_id: str, state_id: str) -> None:
    """Ask for it after a flow run that a worker has begun and that nobody has ended.

    Args:
        state_id: of the state that it was given instead.
    """
    place = tx.connection.execute(_PLACE, {"id": flow_run_id}).first()
    if place is None or place.type.endswith(_WORKERLESS):
        return
    enqueue(
        tx,
        place.pool_id,
        KIND,
        {"flow_run_id": flow_run_id, "infrastructure_pid": place.infrastructure_pid},
        key=f"{KIND}:{flow_run_id}:{state_id}",
        work_queue_id=place.work_queue_id,
    )
