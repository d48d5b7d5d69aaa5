"""States on the wire: what clients propose, and what they are answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ephemeral_server.clock import isoformat
from ephemeral_server.fields import FreeText, JsonValue, Storable, UtcDatetime
from ephemeral_server.http.body import QueryBody
from ephemeral_server.orchestration.states import SCHEDULED, State, StateType, default_name


class StateDetails(BaseModel):
    """Facts about a state that rules, clients and pages read. Unknown keys are dropped."""

    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    child_flow_run_id: UUID | None = None
    scheduled_time: UtcDatetime | None = None
    cache_key: Storable | None = None
    cache_expiration: UtcDatetime | None = None
    deferred: bool | None = False
    untrackable_result: bool = False
    pause_timeout: UtcDatetime | None = None
    pause_reschedule: bool = False
    pause_key: str | None = None
    run_input_keyset: dict[str, str] | None = None
    refresh_cache: bool | None = None
    retriable: bool | None = None
    transition_id: UUID | None = None
    task_parameters_id: UUID | None = None
    traceparent: str | None = None
    deployment_concurrency_lease_id: UUID | None = None


class StateCreate(BaseModel):
    """A state as a client proposes it; the server gives it an id and a timestamp."""

    model_config = ConfigDict(extra="forbid")

    type: StateType
    name: Storable | None = None
    message: FreeText | None = None
    data: JsonValue | None = None
    state_details: StateDetails = Field(default_factory=StateDetails)

    def to_state(self, now: int) -> State:
        """The state, entered at `now`."""
        details = self.state_details.model_dump(mode="json", exclude_unset=True)
        kind = self.type.value
        if kind == SCHEDULED and details.get("scheduled_time") is None:
            details["scheduled_time"] = isoformat(now)
        name = default_name(kind) if self.name is None else self.name
        return State(kind, name, now, self.message, self.data, details)


class StateResponse(BaseModel):
    """A state that a run is or was in."""

    id: UUID
    type: StateType
    name: str | None = None
    timestamp: datetime
    message: str | None = None
    data: Any | None = None
    state_details: StateDetails = Field(default_factory=StateDetails)


class StateAcceptDetails(BaseModel):
    type: Literal["accept_details"] = "accept_details"


class StateRejectDetails(BaseModel):
    type: Literal["reject_details"] = "reject_details"
    reason: str | None = None


class StateAbortDetails(BaseModel):
    type: Literal["abort_details"] = "abort_details"
    reason: str | None = None


class StateWaitDetails(BaseModel):
    type: Literal["wait_details"] = "wait_details"
    delay_seconds: int
    reason: str | None = None


ResponseDetails = StateAcceptDetails | StateWaitDetails | StateRejectDetails | StateAbortDetails


class OrchestrationResult(BaseModel):
    """What became of a proposed state."""

    state: StateResponse | None
    status: Literal["ACCEPT", "REJECT", "ABORT", "WAIT"]
    details: ResponseDetails


class SetStateBody(QueryBody):
    """The body of the set_state routes; a null means the default."""

    state: StateCreate
    force: bool = False
