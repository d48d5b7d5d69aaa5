"""Which work queues take up what a deployment schedules, as clients of long ago ask."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import deployment, work_queue
from ephemeral_server.work_queues.wire import WORK_QUEUE_ALONE

_C = work_queue.c
_QUEUES = select(*[_C[key] for key in WORK_QUEUE_ALONE.keys]).order_by(
    *ascending(_C.created, _C.id)
)


def queues_for(connection: Connection, deployment_id: str) -> Sequence[Mapping[Any, Any]] | None:
    """The queues that have no filter or one that fits; None if there is no such deployment."""
    query = select(deployment.c.tags).where(deployment.c.id == deployment_id)
    tags = connection.scalar(query)
    if tags is None:
        return None
    known = set(json.loads(tags))
    rows = connection.execute(_QUEUES).mappings().all()
    return [row for row in rows if _fits(json.loads(row["filter"] or "{}"), known, deployment_id)]


def _fits(filter: dict[str, Any], tags: set[str], deployment_id: str) -> bool:
    ids = filter.get("deployment_ids")
    return tags.issuperset(filter.get("tags") or ()) and (not ids or deployment_id in ids)
