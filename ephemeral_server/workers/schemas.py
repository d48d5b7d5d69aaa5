"""Workers on the wire."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from ephemeral_server.database.filters import AnyNotAny, Between, EntityFilter
from ephemeral_server.database.operators import On
from ephemeral_server.database.tables import worker
from ephemeral_server.fields import Offset, Storable
from ephemeral_server.http.body import QueryBody
from ephemeral_server.workers.silence import STATUS

#: What the database keeps of a heartbeat interval.
_LONGEST = 2**31 - 1


class WorkerStatus(str, Enum):
    """Whether a worker sends heartbeats."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


class WorkerFilter(EntityFilter):
    """The criteria for workers."""

    last_heartbeat_time: Annotated[Between | None, On(worker.c.last_heartbeat_time)] = None
    status: Annotated[AnyNotAny[WorkerStatus] | None, On(STATUS)] = None


class WorkerQuery(QueryBody):
    """Which workers of a pool, and which part of the list."""

    workers: WorkerFilter | None = None
    limit: int | None = None
    offset: Offset = 0


class Heartbeat(BaseModel):
    """A worker lives; clients send more than that, which is left aside.

    Attributes:
        heartbeat_interval_seconds: until the next one; as before if None.
    """

    name: Storable
    heartbeat_interval_seconds: Annotated[int, Field(ge=-_LONGEST, le=_LONGEST)] | None = None


class WorkerResponse(BaseModel):
    """A worker as it is answered."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: str
    work_pool_id: UUID
    last_heartbeat_time: datetime | None = None
    heartbeat_interval_seconds: int | None = None
    status: WorkerStatus = WorkerStatus.OFFLINE
