"""Artifacts on the wire."""

from __future__ import annotations

import re
from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel

from ephemeral_server.artifacts.filters import ArtifactCollectionFilter, ArtifactFilter
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.relations import artifacts_where, collections_where
from ephemeral_server.deployments.filters import DeploymentFilter
from ephemeral_server.fields import JsonValue, Offset, Storable
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.flows.schemas import FlowFilter
from ephemeral_server.http.body import QueryBody, StrictBody
from ephemeral_server.task_runs.filters import TaskRunFilter

#: Characters of a value of the metadata; what is longer is cut.
LONGEST_VALUE = 500

_KEY = re.compile(r"[a-z0-9-]*")


def _key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError("Artifact key must only contain lowercase letters, numbers, and dashes.")
    return key


def _cut(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "..."


Key = Annotated[str, AfterValidator(_key)]
Metadata = dict[Storable, Annotated[Storable, AfterValidator(_cut)]]
#: What an artifact shows; its type says how.
Data = dict[str, Any] | JsonValue | None


class ArtifactUpdate(StrictBody):
    """What of an artifact can be changed; each member that is there replaces the old one."""

    data: Data = None
    description: Storable | None = None
    metadata_: Metadata | None = None


class ArtifactCreate(ArtifactUpdate):
    """An artifact to keep. The runs it names need not be there."""

    key: Key | None = None
    type: Storable | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class Artifact(BaseModel):
    """An artifact as it is answered."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    key: str | None = None
    type: str | None = None
    description: str | None = None
    data: dict[str, Any] | Any | None = None
    metadata_: dict[str, str] | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class ArtifactCollection(Artifact):
    """A key with what its latest artifact holds.

    Attributes:
        created: when the key was first used, or since when its latest is there.
        latest_id: of the latest artifact.
    """

    key: str
    latest_id: UUID


class ArtifactSort(str, Enum):
    """Orders of artifacts and of collections."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    ID_DESC = "ID_DESC"
    KEY_DESC = "KEY_DESC"
    KEY_ASC = "KEY_ASC"


class _Related(QueryBody):
    """Runs that an artifact is of, with the flow and the deployment of the flow run."""

    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    flows: FlowFilter | None = None
    deployments: DeploymentFilter | None = None

    def related(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _Related.model_fields}


class ArtifactCount(_Related):
    """Which artifacts, by their own criteria and by those of their runs."""

    artifacts: ArtifactFilter | None = None

    def clause(self, dialect: str) -> Clause:
        """The condition on an artifact."""
        return artifacts_where(dialect, artifacts=self.artifacts, **self.related())


class CollectionCount(_Related):
    """Which collections, by what the latest artifact of each is and by its runs."""

    artifacts: ArtifactCollectionFilter | None = None

    def clause(self, dialect: str) -> Clause:
        """The condition on a collection."""
        return collections_where(dialect, artifacts=self.artifacts, **self.related())


class _Part(BaseModel):
    sort: ArtifactSort = ArtifactSort.ID_DESC
    limit: int | None = None
    offset: Offset = 0


class ArtifactQuery(ArtifactCount, _Part):
    """Which artifacts, in which order, and which part of the list."""


class CollectionQuery(CollectionCount, _Part):
    """Which collections, in which order, and which part of the list."""
