"""What the routes of work queues without a pool add to the shapes of work queues."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from ephemeral_server.fields import Instant, Page
from ephemeral_server.http.body import QueryBody
from ephemeral_server.work_pools.schemas import FlowRunSlotSummary


class QueueRunsQuery(QueryBody):
    """Which runs of a queue."""

    limit: int | None = None
    scheduled_before: Instant | None = None


class QueueSlotsQuery(QueryBody):
    """Which page of the runs that a queue is busy with."""

    page: Page = 1
    limit: int | None = None


class WorkQueueHealthPolicy(BaseModel):
    """When a queue is well served."""

    maximum_late_runs: int | None = 0
    maximum_seconds_since_last_polled: int | None = 60


class WorkQueueStatusDetail(BaseModel):
    """Whether a queue is well served."""

    healthy: bool
    late_runs_count: int = 0
    last_polled: datetime | None = None
    health_check_policy: WorkQueueHealthPolicy


class WorkQueueConcurrencyStatus(BaseModel):
    """What a queue is busy with."""

    active_slots: int
    concurrency_limit: int | None = None
    flow_runs: list[FlowRunSlotSummary] = Field(default_factory=list)
    count: int
    limit: int
    pages: int
    page: int
