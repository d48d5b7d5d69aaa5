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
from ephemeral_server.http.body import QueryBody
from ephemeral_server.related import RelatedFilters


class DeploymentSort(str, Enum):
    """Orders of deployments."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"


class DeploymentCount(RelatedFilters):
    """Which deployments, by their own criteria and by those of related entities."""

    def clause(self, dialect: str) -> Clause:
        """The condition on a deployment."""
        return deployments_where(dialect, **self.filters())


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
