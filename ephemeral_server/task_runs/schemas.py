"""Task runs on the wire."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, field_validator, model_validator

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.relations import task_runs_where
from ephemeral_server.deployments.filters import DeploymentFilter
from ephemeral_server.fields import Integer, Labels, LabelValue, Offset, Page, Storable, UtcDatetime
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.flows.schemas import FlowFilter
from ephemeral_server.http.body import QueryBody, StrictBody
from ephemeral_server.orchestration.schemas import StateCreate, StateResponse
from ephemeral_server.orchestration.states import StateType
from ephemeral_server.task_runs.filters import TaskRunFilter

#: How many retry delays a task may list.
MOST_DELAYS = 50

_Seconds = Annotated[float, Field(allow_inf_nan=False)]


class TaskRunPolicy(BaseModel):
    """How a task run retries."""

    max_retries: Integer = Field(default=0, deprecated=True)
    retry_delay_seconds: _Seconds = Field(default=0, deprecated=True)
    retries: Integer | None = None
    retry_delay: Integer | _Seconds | list[Integer] | list[_Seconds] | None = None
    retry_jitter_factor: _Seconds | None = None

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

    @field_validator("retry_delay")
    @classmethod
    def _not_too_many(cls, value: Any) -> Any:
        if isinstance(value, list) and len(value) > MOST_DELAYS:
            raise ValueError(f"Can not configure more than {MOST_DELAYS} retry delays per task.")
        return value

    @field_validator("retry_jitter_factor")
    @classmethod
    def _not_negative(cls, value: float | None) -> float | None:
        if value is not None and value < 0:
            raise ValueError("`retry_jitter_factor` must be >= 0.")
        return value


class TaskRunResult(BaseModel):
    """The input is the result of a task run."""

    input_type: Literal["task_run"] = "task_run"
    id: UUID


class FlowRunResult(BaseModel):
    """The input is the result of a flow run."""

    input_type: Literal["flow_run"] = "flow_run"
    id: UUID


class Parameter(BaseModel):
    """The input is a parameter of the flow."""

    input_type: Literal["parameter"] = "parameter"
    name: str


class Constant(BaseModel):
    """The input is a value of this type."""

    input_type: Literal["constant"] = "constant"
    type: str


TaskInputs = dict[str, list[TaskRunResult | FlowRunResult | Parameter | Constant]]


class TaskRunCreate(StrictBody):
    """A task run to make."""

    id: UUID | None = None
    state: StateCreate | None = None
    name: Storable | None = None
    flow_run_id: UUID | None = None
    task_key: Storable
    dynamic_key: Storable
    cache_key: Storable | None = None
    cache_expiration: UtcDatetime | None = None
    task_version: Storable | None = None
    empirical_policy: TaskRunPolicy = Field(default_factory=TaskRunPolicy)
    tags: list[Storable] = Field(default_factory=list)
    labels: Labels | None = None
    task_inputs: TaskInputs = Field(default_factory=dict)


class TaskRunUpdate(StrictBody):
    """What of a task run can be changed."""

    name: Storable | None = None


class TaskRunInPage(BaseModel):
    """A task run as pages show it."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: str
    flow_run_id: UUID | None = None
    task_key: str
    task_version: str | None = None
    empirical_policy: TaskRunPolicy
    tags: list[str]
    state_id: UUID | None = None
    task_inputs: TaskInputs
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float
    estimated_run_time: float
    estimated_start_time_delta: float
    state: StateResponse | None = None


class TaskRun(TaskRunInPage):
    """A task run as it is answered."""

    dynamic_key: str
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    labels: dict[str, LabelValue] | None = None
    state_type: StateType | None = None
    state_name: str | None = None
    run_count: int
    flow_run_run_count: int
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None


class TaskRunSort(str, Enum):
    """Orders of task runs."""

    ID_DESC = "ID_DESC"
    EXPECTED_START_TIME_ASC = "EXPECTED_START_TIME_ASC"
    EXPECTED_START_TIME_DESC = "EXPECTED_START_TIME_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    NEXT_SCHEDULED_START_TIME_ASC = "NEXT_SCHEDULED_START_TIME_ASC"
    END_TIME_DESC = "END_TIME_DESC"


class TaskRunCount(QueryBody):
    """Which task runs, by their own criteria and by those of their flow run and its relations."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    deployments: DeploymentFilter | None = None

    def clause(self, dialect: str) -> Clause:
        """The condition on a task run."""
        return task_runs_where(
            dialect,
            flows=self.flows,
            flow_runs=self.flow_runs,
            task_runs=self.task_runs,
            deployments=self.deployments,
        )


class TaskRunQuery(TaskRunCount):
    """Which task runs, in which order, and which part of the list."""

    sort: TaskRunSort = TaskRunSort.ID_DESC
    limit: int | None = None
    offset: Offset = 0


class TaskRunPageQuery(TaskRunCount):
    """Which task runs, in which order, and which page of the list."""

    sort: TaskRunSort = TaskRunSort.ID_DESC
    limit: int | None = None
    page: Page = 1


class TaskRunPage(BaseModel):
    """One page of a list of task runs."""

    results: list[TaskRunInPage]
    count: int
    limit: int
    pages: int
    page: int
