"""What is asked about deployments, on the wire."""

from __future__ import annotations

from enum import Enum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.relations import deployments_where
from ephemeral_server.deployments.filters import DeploymentFilter
from ephemeral_server.deployments.schemas import DeploymentResponse
from ephemeral_server.fields import Offset, Page
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.flows.schemas import FlowFilter
from ephemeral_server.http.body import QueryBody
from ephemeral_server.task_runs.filters import TaskRunFilter
from ephemeral_server.work_pools.filters import WorkPoolFilter, WorkQueueFilter


class DeploymentSort(str, Enum):
    """Orders of deployments."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"


class DeploymentCount(QueryBody):
    """Which deployments, by their own criteria and by those of related entities."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    deployments: DeploymentFilter | None = None
    work_pools: WorkPoolFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None

    def clause(self, dialect: str) -> Clause:
        """The condition on a deployment."""
        return deployments_where(
            dialect,
            flows=self.flows,
            flow_runs=self.flow_runs,
            task_runs=self.task_runs,
            deployments=self.deployments,
            work_pools=self.work_pools,
            work_pool_queues=self.work_pool_queues,
        )


class DeploymentQuery(DeploymentCount):
    """Which deployments, in which order, and which part of the list."""

    sort: DeploymentSort = DeploymentSort.NAME_ASC
    limit: int | None = None
    offset: Offset = 0


class DeploymentPageQuery(DeploymentCount):
    """Which deployments, in which order, and which page of the list."""

    sort: DeploymentSort = DeploymentSort.NAME_ASC
    limit: int | None = None
    page: Page = 1


class DeploymentPage(BaseModel):
    """One page of a list of deployments."""

    results: list[DeploymentResponse]
    count: int
    limit: int
    pages: int
    page: int


class DeploymentBulkDelete(QueryBody):
    """Which deployments to delete, and how many at most."""

    deployments: DeploymentFilter | None = None
    limit: Annotated[int, Field(ge=1, le=50)] = 50


class DeploymentBulkDeleted(BaseModel):
    """The ids of the deployments that were deleted."""

    deleted: list[UUID] = Field(default_factory=list)
