"""Claims: a run that was handed to a worker is hidden from the others for some seconds.

In this time the worker lets the run enter its next state, with which the claim ends. A worker
that does nothing with a run, or never got the answer, holds it up no longer than that.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, not_, select

from ephemeral_server.clock import later
from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import flow_run, flow_run_claim
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_replace

#: So many claims that are over are deleted with each new one, at most.
BATCH = 1000

_C = flow_run_claim.c

#: A row of `flow_run_claim` keeps a row of `flow_run` hidden at the instant ``:now``.
HIDES: ColumnElement[bool] = and_(
    _C.flow_run_id == flow_run.c.id,
    _C.state_id == flow_run.c.state_id,
    _C.until > bindparam("now"),
)

#: A row of `flow_run` is hidden by no claim.
UNCLAIMED: ColumnElement[bool] = not_(exists().where(HIDES).correlate(flow_run))


def claim(tx: Transaction, ids: Collection[str], seconds: float) -> None:
    """Hide runs, which nobody else can change until the commit, from other workers.

    Args:
        seconds: for how long, unless they enter another state before.
    """
    states = select(flow_run.c.id, flow_run.c.state_id)
    rows = tx.connection.execute(states.where(is_in(flow_run.c.id, list(ids), tx.dialect)))
    until = later(tx.now(), seconds)
    claims = [{"flow_run_id": id, "state_id": state, "until": until} for id, state in rows]
    tx.connection.execute(insert_or_replace(tx.dialect, flow_run_claim, "flow_run_id"), claims)
    _forget(tx)


def _forget(tx: Transaction) -> None:
    """Delete claims that are over."""
    # After the others, and none that somebody else is about to renew: so nobody waits for two.
    over = select(_C.flow_run_id).where(_C.until <= tx.now()).order_by(_C.until).limit(BATCH)
    old = over.with_for_update(skip_locked=True)
    tx.connection.execute(delete(flow_run_claim).where(_C.flow_run_id.in_(old)))
