"""Work queues on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from ephemeral_server.fields import LARGEST, NOT_NULL, Instant, NameText, Offset, Storable
from ephemeral_server.http.body import QueryBody, StrictBody
from ephemeral_server.wire import dump
from ephemeral_server.work_pools.filters import WorkQueueFilter
from ephemeral_server.work_pools.schemas import Limit


def _usable(name: str | None) -> str | None:
    if name is not None and (not name or any(letter in name for letter in "/%&><")):
        raise ValueError("must not be empty, and must not contain any of / % & > <")
    return name


def _text(description: Any) -> Any:
    return "" if description is None else description


#: The lower, the more urgent. Others can move on behind the last that may be asked for.
Priority = Annotated[int, Field(gt=0, le=LARGEST // 2)]


class QueueFilter(BaseModel):
    """Of old clients: which runs wait in a queue."""

    tags: list[Storable] | None = None
    deployment_ids: list[UUID] | None = None


class _QueueBody(StrictBody):
    filter: QueueFilter | None = Field(default=None, deprecated=True)

    def columns(self) -> dict[str, Any]:
        """The values that were given, by the names of the columns."""
        given = vars(self)  # asking for `filter` itself warns that it is deprecated
        found = {name: given[name] for name in self.model_fields_set}
        if found.get("filter") is not None:
            found["filter"] = dump(found["filter"].model_dump(mode="json"))
        return found


class WorkQueueCreate(_QueueBody):
    """A work queue to make."""

    name: NameText
    description: Annotated[Storable | None, BeforeValidator(_text)] = ""
    is_paused: bool = False
    concurrency_limit: Limit | None = None
    priority: Priority | None = None


class WorkQueueUpdate(_QueueBody):
    """What of a work queue can be changed; each member that is there replaces the old one."""

    name: Annotated[Storable | None, NOT_NULL, AfterValidator(_usable)] = None
    description: Annotated[Storable | None, NOT_NULL] = None
    is_paused: bool = False
    concurrency_limit: Limit | None = None
    priority: Annotated[Priority | None, NOT_NULL] = None
    last_polled: Instant | None = None


class WorkQueue(BaseModel):
    """A work queue as clients of long ago know it."""

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


class WorkQueueResponse(WorkQueue):
    """A work queue as it is answered.

    Attributes:
        active_slots: how many runs go on, if the queue has a limit.
    """

    work_pool_name: str | None = None
    status: Literal["READY", "NOT_READY", "PAUSED"] | None = None
    active_slots: int | None = None


class WorkQueueQuery(QueryBody):
    """Which queues of a pool, and which part of the list."""

    work_queues: WorkQueueFilter | None = None
    limit: int | None = None
    offset: Offset = 0
