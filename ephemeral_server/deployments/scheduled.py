"""The scheduled runs of deployments, as runners ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from ephemeral_server.database.likely import IS_SCHEDULED
from ephemeral_server.database.operators import is_in
from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.tables import flow_run
from ephemeral_server.flow_runs.wire import SELECT_FLOW_RUNS

_C = flow_run.c
_ORDER = (_C.next_scheduled_start_time, _C.id)
_SCHEDULED = select(_C.id).where(IS_SCHEDULED, _C.deployment_id.is_not(None))


def list_scheduled_runs(
    connection: Connection, deployment_ids: Sequence[str], before: int | None, limit: int
) -> Sequence[Sequence[Any]]:
    """The next runs of deployments that wait for their time, whatever their states are called.

    Args:
        deployment_ids: however many.
        before: no later than this instant, in microseconds since 1970 UTC.
        limit: how many at most.

    Returns:
        Values in the order of the keys of `FLOW_RUN`.
    """
    ids = _SCHEDULED.where(is_in(_C.deployment_id, list(deployment_ids), connection.dialect.name))
    if before is not None:
        ids = ids.where(_C.next_scheduled_start_time <= before)
    page = ids.order_by(*_ORDER).limit(limit).correlate(None)
    return fetch_all(connection, SELECT_FLOW_RUNS.where(_C.id.in_(page)).order_by(*_ORDER))
