"""Work pools on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from ephemeral_server.fields import LARGEST, NOT_NULL, JsonObject, NameText, Offset, Page, Storable
from ephemeral_server.http.body import QueryBody, StrictBody
from ephemeral_server.orchestration.states import StateType
from ephemeral_server.work_pools.filters import WorkPoolFilter
from ephemeral_server.work_pools.job_variables import check_template
from ephemeral_server.work_pools.wire import AGENT_TYPE


def _not_blank(name: Any) -> Any:
    if isinstance(name, str) and not name.strip(" '\""):
        raise ValueError("name cannot be an empty string")
    return name


def _checked(template: dict[str, Any]) -> dict[str, Any]:
    check_template(template)
    return template


#: How many runs may go on at once; with none the pool or queue stands still.
Limit = Annotated[int, Field(ge=0, le=LARGEST)]
#: How the jobs of runs are made up, and which variables that takes.
JobTemplate = Annotated[JsonObject, AfterValidator(_checked)]


class WorkPoolStorageConfiguration(StrictBody):
    """Where the code and the results of runs in a pool are kept."""

    bundle_upload_step: JsonObject | None = None
    bundle_execution_step: JsonObject | None = None
    default_result_storage_block_id: UUID | None = None


class WorkPoolCreate(StrictBody):
    """A work pool to make."""

    name: Annotated[NameText, BeforeValidator(_not_blank)]
    description: Storable | None = None
    type: Storable = AGENT_TYPE
    base_job_template: JobTemplate = Field(default_factory=dict)
    is_paused: bool = False
    concurrency_limit: Limit | None = None
    storage_configuration: WorkPoolStorageConfiguration = Field(
        default_factory=WorkPoolStorageConfiguration
    )


class WorkPoolUpdate(StrictBody):
    """What of a work pool can be changed; each member that is there replaces the old one."""

    description: Storable | None = None
    is_paused: Annotated[bool | None, NOT_NULL] = None
    base_job_template: Annotated[JobTemplate | None, NOT_NULL] = None
    concurrency_limit: Limit | None = None
    storage_configuration: Annotated[WorkPoolStorageConfiguration | None, NOT_NULL] = None


class WorkPoolResponse(BaseModel):
    """A work pool as it is answered.

    Attributes:
        status: of a pool that workers serve; agents do not tell.
        active_slots: how many runs go on, if the pool has a limit.
    """

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: str
    description: str | None = None
    type: str
    base_job_template: dict[str, Any] = Field(default_factory=dict)
    is_paused: bool = False
    concurrency_limit: int | None = None
    status: Literal["READY", "NOT_READY", "PAUSED"] | None = None
    default_queue_id: UUID | None = None
    storage_configuration: WorkPoolStorageConfiguration = Field(
        default_factory=WorkPoolStorageConfiguration
    )
    active_slots: int | None = None


class WorkPoolCount(QueryBody):
    """Which work pools."""

    work_pools: WorkPoolFilter | None = None


class WorkPoolQuery(WorkPoolCount):
    """Which work pools, and which part of the list."""

    limit: int | None = None
    offset: Offset = 0


class ConcurrencyStatusQuery(QueryBody):
    """Which page of the queues, and how many runs of each."""

    page: Page = 1
    limit: int | None = None
    flow_run_limit: Annotated[int, Field(ge=0, le=200)] = 10


class FlowRunSlotSummary(BaseModel):
    """A run that takes a slot."""

    id: UUID
    name: str
    state_type: StateType | None = None
    state_name: str | None = None
    start_time: datetime | None = None
    state_timestamp: datetime | None = None
    time_in_current_state: float | None = Field(default=None, description="seconds")


class WorkQueueConcurrencyStatusDetail(BaseModel):
    """The slots of one queue that are taken, and by which runs."""

    queue_id: UUID
    queue_name: str
    active_slots: int
    concurrency_limit: int | None = None
    flow_runs: list[FlowRunSlotSummary] = Field(default_factory=list)
    flow_run_count: int | None = None


class WorkPoolConcurrencyStatus(BaseModel):
    """The slots of a pool that are taken, with one page of its queues."""

    active_slots: int
    concurrency_limit: int | None = None
    queues: list[WorkQueueConcurrencyStatusDetail] = Field(default_factory=list)
    count: int
    limit: int
    pages: int
    page: int
