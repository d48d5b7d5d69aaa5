"""Flows on the wire."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import select, true

from ephemeral_server.database.filters import (
    AnyLike,
    AnyNotAny,
    Criterion,
    EntityFilter,
    Operator,
    TagsAll,
)
from ephemeral_server.database.operators import Clause, On
from ephemeral_server.database.tables import deployment, flow
from ephemeral_server.deployments.filters import DeploymentFilter
from ephemeral_server.fields import Labels, LabelValue, NameText, Offset, Page, Storable
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.http.body import QueryBody, StrictBody
from ephemeral_server.task_runs.filters import TaskRunFilter
from ephemeral_server.work_pools.filters import WorkPoolFilter


class Flow(BaseModel):
    """A flow as it is answered."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: str
    tags: list[str] = Field(default_factory=list)
    labels: dict[str, LabelValue] | None = None


class FlowCreate(StrictBody):
    """A flow to make unless there is one of its name."""

    name: NameText
    tags: list[Storable] = Field(default_factory=list)
    labels: Labels | None = Field(default_factory=dict)


class FlowUpdate(StrictBody):
    """What of a flow can be changed."""

    tags: list[Storable] = Field(default_factory=list)


class FlowFilterDeployment(Criterion):
    """Whether a flow has a deployment."""

    operator: Operator = Operator.and_
    is_null_: bool | None = None

    def clause(self, on: On, dialect: str) -> Clause:
        if self.is_null_ is None:
            return true()
        deployed = on.column.in_(select(deployment.c.flow_id))
        return ~deployed if self.is_null_ else deployed


class FlowFilter(EntityFilter):
    """The criteria for flows."""

    id: Annotated[AnyNotAny[UUID] | None, On(flow.c.id)] = None
    deployment: Annotated[FlowFilterDeployment | None, On(flow.c.id)] = None
    name: Annotated[AnyLike | None, On(flow.c.name)] = None
    tags: Annotated[TagsAll | None, On(flow.c.tags)] = None


class FlowSort(str, Enum):
    """Orders of flows."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"


class FlowCount(QueryBody):
    """Which flows, by their own criteria and by those of related entities."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    deployments: DeploymentFilter | None = None
    work_pools: WorkPoolFilter | None = None


class FlowQuery(FlowCount):
    """Which flows, in which order, and which part of the list."""

    sort: FlowSort = FlowSort.NAME_ASC
    limit: int | None = None
    offset: Offset = 0


class FlowPageQuery(FlowCount):
    """Which flows, in which order, and which page of the list."""

    sort: FlowSort = FlowSort.NAME_ASC
    limit: int | None = None
    page: Page = 1


class FlowPage(BaseModel):
    """One page of a list of flows."""

    results: list[Flow]
    count: int
    limit: int
    pages: int
    page: int


class FlowBulkDelete(QueryBody):
    """Which flows to delete, and how many at most."""

    flows: FlowFilter | None = None
    limit: Annotated[int, Field(ge=1, le=50)] = 50


class FlowBulkDeleted(BaseModel):
    """The ids of the flows that were deleted."""

    deleted: list[UUID] = Field(default_factory=list)
