"""Deployments on the wire."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.types import StringConstraints

from ephemeral_server.deployments.schedule_schemas import (
    DeploymentSchedule,
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
    PositiveInteger,
)
from ephemeral_server.fields import STORABLE, JsonObject, Labels, LabelValue, Storable
from ephemeral_server.flow_runs.schemas import CreatedBy
from ephemeral_server.http.body import StrictBody
from ephemeral_server.limits.schemas import GlobalConcurrencyLimitResponse

#: A name that may be empty; the contract tells of no pattern.
_Name = Annotated[
    str,
    StringConstraints(pattern=r"^[^/%&><]*$"),
    STORABLE,
    WithJsonSchema({"type": "string"}),
]


class DeploymentStatus(str, Enum):
    """Whether somebody is there to run it."""

    READY = "READY"
    NOT_READY = "NOT_READY"


class ConcurrencyLimitStrategy(str, Enum):
    """What becomes of a run for which there is no slot."""

    ENQUEUE = "ENQUEUE"
    CANCEL_NEW = "CANCEL_NEW"


class ConcurrencyOptions(BaseModel):
    """How a deployment's runs share its slots."""

    collision_strategy: ConcurrencyLimitStrategy
    grace_period_seconds: Annotated[int, Field(ge=60, le=86_400)] | None = None


class VersionInfo(BaseModel):
    """Where a version comes from; told by clients and not kept."""

    model_config = ConfigDict(extra="allow")

    type: str
    version: str


class UpdatedBy(BaseModel):
    """Who changed something."""

    id: UUID | None = None
    type: str | None = None
    display_value: str | None = None


class DeploymentResponse(BaseModel):
    """A deployment as it is answered."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: str
    version: str | None = None
    description: str | None = None
    flow_id: UUID
    paused: bool = False
    schedules: list[DeploymentSchedule] = Field(default_factory=list)
    concurrency_limit: int | None = Field(default=None, deprecated=True)
    global_concurrency_limit: GlobalConcurrencyLimitResponse | None = None
    concurrency_options: ConcurrencyOptions | None = None
    job_variables: dict[str, Any] = Field(default_factory=dict)
    parameters: dict[str, Any] = Field(default_factory=dict)
    tags: list[str] = Field(default_factory=list)
    labels: dict[str, LabelValue] = Field(default_factory=dict)
    work_queue_name: str | None = None
    work_queue_id: UUID | None = None
    last_polled: datetime | None = None
    parameter_openapi_schema: dict[str, Any] | None = Field(default_factory=dict)
    path: str | None = None
    pull_steps: list[dict[str, Any]] | None = None
    entrypoint: str | None = None
    storage_document_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    created_by: CreatedBy | None = None
    updated_by: UpdatedBy | None = None
    work_pool_name: str | None = None
    status: DeploymentStatus | None = DeploymentStatus.NOT_READY
    enforce_parameter_schema: bool = True


#: What clients of long ago send.
_FORMER_KEYS = frozenset(
    {
        "worker_pool_queue_id",
        "worker_pool_name",
        "worker_pool_queue_name",
        "work_pool_queue_name",
    }
)


class _DeploymentBody(StrictBody):
    """What bodies that make and that change a deployment have in common."""

    version: Storable | None = None
    description: Storable | None = None
    paused: bool = False
    tags: list[Storable] = Field(default_factory=list)
    parameter_openapi_schema: JsonObject | None = None
    concurrency_limit: PositiveInteger | None = None
    global_concurrency_limit_id: UUID | None = None
    concurrency_options: ConcurrencyOptions | None = None
    pull_steps: list[JsonObject] | None = None
    path: Storable | None = None
    entrypoint: Storable | None = None
    storage_document_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    work_pool_name: Storable | None = None
    work_queue_name: _Name | None = None
    version_info: VersionInfo | None = None

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if data.get("concurrency_limit") and data.get("global_concurrency_limit_id"):
            raise ValueError(
                "A deployment cannot have both a concurrency limit and a global concurrency limit."
            )
        return {key: value for key, value in data.items() if key not in _FORMER_KEYS}


class DeploymentCreate(_DeploymentBody):
    """A deployment to make, or to change if the flow has one of its name."""

    name: _Name
    flow_id: UUID
    schedules: list[DeploymentScheduleCreate] = Field(default_factory=list)
    parameters: JsonObject = Field(default_factory=dict)
    enforce_parameter_schema: bool = True
    job_variables: JsonObject = Field(default_factory=dict)
    labels: Labels | None = Field(default_factory=dict)


class DeploymentUpdate(_DeploymentBody):
    """What of a deployment can be changed; each member that is there replaces the old value."""

    schedules: list[DeploymentScheduleUpdate] = Field(default_factory=list)
    parameters: JsonObject | None = None
    enforce_parameter_schema: bool | None = None
    job_variables: JsonObject | None = None
