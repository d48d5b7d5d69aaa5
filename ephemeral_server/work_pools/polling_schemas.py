"""What workers ask for and are given, on the wire."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field

from ephemeral_server.fields import Instant, Storable
from ephemeral_server.flow_runs.schemas import FlowRun
from ephemeral_server.http.body import QueryBody


class ScheduledRunsQuery(QueryBody):
    """Which scheduled runs of a pool; all queues if none is named."""

    work_queue_names: list[Storable] = Field(default_factory=list)
    scheduled_before: Instant | None = None
    scheduled_after: Instant | None = None
    limit: int | None = None


class WorkerFlowRunResponse(BaseModel):
    """A run, and where it waits."""

    work_pool_id: UUID
    work_queue_id: UUID
    flow_run: FlowRun
