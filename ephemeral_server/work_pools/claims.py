"""Claims: a run that was handed to a worker is hidden from the others for some seconds.

In this time the worker lets the run enter its next state, with which the claim ends. A worker
that does nothing with a run, or never got the answer, holds it up no longer than that.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, bindparam, delete, exists, not_, select

from ephemeral_server.clock import later
from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import flow_run, flow_run_claim
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.types import Instant
from ephemeral_server.database.upsert import insert_or_replace

#: So many claims that are over are deleted with each new one, at most.
BATCH = 1000

_C = flow_run_claim.c

_HOLDS = and_(_C.flow_run_id == flow_run.c.id, _C.state_id == flow_run.c.state_id)

#: A row of `flow_run` is hidden by no claim at the instant ``:now``.
UNCLAIMED = not_(exists().where(_HOLDS, _C.until > bindparam("now")).correlate(flow_run))

#: The queue ids of the runs that are hidden at the instant ``:now``, null for claims that no
#: longer hold. There are few claims, so they are looked at first.
CLAIMED = select(
    select(flow_run.c.work_queue_id)
    .where(_HOLDS)
    .correlate(flow_run_claim)
    .scalar_subquery()
    .label("work_queue_id")
).where(_C.until > bindparam("now"))


def claim(tx: Transaction, ids: Collection[str], seconds: float) -> None:
    """Hide runs, which nobody else can change until the commit, from other workers.

    Args:
        seconds: for how long, unless they enter another state before.
    """
    chosen = is_in(flow_run.c.id, list(ids), tx.dialect)
    claims = select(flow_run.c.id, flow_run.c.state_id, bindparam("until", type_=Instant))
    claim = insert_or_replace(tx.dialect, flow_run_claim, "flow_run_id")
    columns = [_C.flow_run_id, _C.state_id, _C.until]
    statement = claim.from_select(columns, claims.where(chosen))
    tx.connection.execute(statement, {"until": later(tx.now(), seconds)})
    _forget(tx)


def _forget(tx: Transaction) -> None:
    """Delete claims that are over."""
    # After the others, and none that somebody else is about to renew: so nobody waits for two.
    over = select(_C.flow_run_id).where(_C.until <= tx.now()).order_by(_C.until).limit(BATCH)
    old = over.with_for_update(skip_locked=True)
    tx.connection.execute(delete(flow_run_claim).where(_C.flow_run_id.in_(old)))
