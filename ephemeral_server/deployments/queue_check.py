"""Which work queues take up what a deployment schedules, as clients of long ago ask."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import deployment, work_queue
from ephemeral_server.wire import Shape, boolean, field, instant, number, plain, raw, text
from ephemeral_server.work_queues.schemas import QueueFilter


class WorkQueue(BaseModel):
    """A queue as it is answered here: what such clients know of it."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: str
    description: str | None = ""
    is_paused: bool = False
    concurrency_limit: int | None = None
    priority: int = 1
    work_pool_id: UUID | None = None
    filter: QueueFilter | None = Field(default=None, deprecated=True)
    last_polled: datetime | None = None


#: Needs the columns of its `keys`.
WORK_QUEUE = Shape(
    (
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("name", text),
        field("description", text),
        field("is_paused", boolean),
        field("concurrency_limit", number),
        field("priority", number),
        field("work_pool_id", plain),
        field("filter", raw),
        field("last_polled", instant),
    )
)

_C = work_queue.c
_QUEUES = select(*[_C[key] for key in WORK_QUEUE.keys]).order_by(*ascending(_C.created, _C.id))


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
