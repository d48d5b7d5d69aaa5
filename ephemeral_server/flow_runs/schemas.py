"""Flow runs on the wire."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, model_validator

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.relations import flow_runs_where
from ephemeral_server.fields import Integer, JsonObject, Labels, LabelValue, Offset, Page, Storable
from ephemeral_server.http.body import StrictBody
from ephemeral_server.orchestration.schemas import StateCreate, StateResponse
from ephemeral_server.orchestration.states import StateType
from ephemeral_server.related import RelatedFilters


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


PauseKeys = Annotated[list[Storable], AfterValidator(_unique)]


class FlowRunPolicy(BaseModel):
    """How a flow run retries, and what the server remembers of its pauses."""

    max_retries: Integer = Field(default=0, deprecated=True)
    retry_delay_seconds: float = Field(default=0, deprecated=True, allow_inf_nan=False)
    retries: Integer | None = None
    retry_delay: Integer | None = Field(default=None, description="seconds")
    pause_keys: PauseKeys | None = Field(default_factory=list)
    resuming: bool | None = False
    retry_type: Literal["in_process", "reschedule"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_old_names(cls, data: Any) -> Any:
        if isinstance(data, dict):
            data = dict(data)
            if not data.get("retries") and data.get("max_retries"):
                data["retries"] = data["max_retries"]
            if not data.get("retry_delay") and data.get("retry_delay_seconds"):
                data["retry_delay"] = data["retry_delay_seconds"]
        return data


class NewFlowRun(StrictBody):
    """What can be said of a flow run that is to be made, however it comes about."""

    state: StateCreate | None = None
    name: Storable | None = None
    parameters: JsonObject = Field(default_factory=dict)
    context: JsonObject = Field(default_factory=dict)
    parent_task_run_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    empirical_policy: FlowRunPolicy = Field(default_factory=FlowRunPolicy)
    tags: list[Storable] = Field(default_factory=list)
    labels: Labels | None = None
    idempotency_key: Storable | None = None
    work_queue_name: Storable | None = None
    job_variables: JsonObject | None = None


class FlowRunCreate(NewFlowRun):
    """A flow run to make."""

    flow_id: UUID
    flow_version: Storable | None = None
    work_pool_name: Storable | None = None
    deployment_id: UUID | None = None


class FlowRunUpdate(StrictBody):
    """What of a flow run can be changed; each member that is there replaces the old one."""

    name: Storable | None = None
    flow_version: Storable | None = None
    parameters: JsonObject = Field(default_factory=dict)
    empirical_policy: FlowRunPolicy = Field(default_factory=FlowRunPolicy)
    tags: list[Storable] = Field(default_factory=list)
    infrastructure_pid: Storable | None = None
    job_variables: JsonObject | None = None


class CreatedBy(BaseModel):
    """Who made a run."""

    id: UUID | None = None
    type: str | None = None
    display_value: str | None = None


class FlowRun(BaseModel):
    """A flow run by itself."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: str
    flow_id: UUID
    state_id: UUID | None = None
    deployment_id: UUID | None = None
    deployment_version: str | None = None
    work_queue_id: UUID | None = None
    work_queue_name: str | None = None
    flow_version: str | None = None
    parameters: dict[str, Any]
    idempotency_key: str | None = None
    context: dict[str, Any]
    empirical_policy: FlowRunPolicy
    tags: list[str]
    labels: dict[str, LabelValue]
    parent_task_run_id: UUID | None = None
    state_type: StateType | None = None
    state_name: str | None = None
    run_count: int
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float
    estimated_run_time: float
    estimated_start_time_delta: float
    auto_scheduled: bool
    infrastructure_document_id: UUID | None = None
    infrastructure_pid: str | None = None
    created_by: CreatedBy | None = None
    job_variables: dict[str, Any] | None = None
    state: StateResponse | None = None


class FlowRunResponse(FlowRun):
    """A flow run as it is answered."""

    work_pool_id: UUID | None = None
    work_pool_name: str | None = None


class FlowRunSort(str, Enum):
    """Orders of flow runs."""

    ID_DESC = "ID_DESC"
    START_TIME_ASC = "START_TIME_ASC"
    START_TIME_DESC = "START_TIME_DESC"
    EXPECTED_START_TIME_ASC = "EXPECTED_START_TIME_ASC"
    EXPECTED_START_TIME_DESC = "EXPECTED_START_TIME_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    NEXT_SCHEDULED_START_TIME_ASC = "NEXT_SCHEDULED_START_TIME_ASC"
    END_TIME_DESC = "END_TIME_DESC"


class FlowRunCount(RelatedFilters):
    """Which flow runs, by their own criteria and by those of related entities."""

    def clause(self, dialect: str) -> Clause:
        """The condition on a flow run."""
        return flow_runs_where(dialect, **self.filters())


class FlowRunQuery(FlowRunCount):
    """Which flow runs, in which order, and which part of the list."""

    sort: FlowRunSort = FlowRunSort.ID_DESC
    limit: int | None = None
    offset: Offset = 0


class FlowRunPageQuery(FlowRunCount):
    """Which flow runs, in which order, and which page of the list."""

    sort: FlowRunSort = FlowRunSort.ID_DESC
    limit: int | None = None
    page: Page = 1


class FlowRunPage(BaseModel):
    """One page of a list of flow runs."""

    results: list[FlowRunResponse]
    count: int
    limit: int
    pages: int
    page: int
