"""What a task-run event of a client says about its run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from ephemeral_server.clock import isoformat
from ephemeral_server.events.model import Event, json_text
from ephemeral_server.fields import FreeText, IdText, Instant, Integer, Labels, Storable
from ephemeral_server.orchestration.schemas import StateDetails
from ephemeral_server.orchestration.states import SCHEDULED, StateType, default_name

NAME_PREFIX = "prefect.task-run"

_RUN_PREFIX = "prefect.task-run."
_FLOW_RUN_PREFIX = "prefect.flow-run."
_MICROSECOND = timedelta(microseconds=1)

#: Columns that take no null: a null from a client leaves them as they are.
_REQUIRED = frozenset(
    {
        "name",
        "tags",
        "empirical_policy",
        "run_count",
        "total_run_time",
        "task_key",
        "dynamic_key",
        "flow_run_run_count",
        "task_inputs",
    }
)


class UnusableEventError(ValueError):
    """The event does not tell what a task-run event has to. The message says what is wrong."""


@dataclass(slots=True)
class TaskRunChange:
    """A state that a task run entered, and what else the run became with it.

    Attributes:
        event: tells of the change; its id and instant are those of the state.
        run_id: of the task run, in the words of the client.
        flow_run_id: which the run belongs to; None outside of flow runs.
        columns: of ``task_run``, only those that the event tells.
        type: of the state.
        name: of the state.
        message: of the state.
        details: members of ``state_details`` that are set, as JSON values.
        data: the state's data as JSON text.
    """

    event: Event
    run_id: str
    flow_run_id: str | None
    columns: dict[str, Any]
    type: str
    name: str
    message: str | None
    details: dict[str, Any]
    data: str | None

    @property
    def natural_key(self) -> tuple[str | None, str, str] | None:
        """Flow run, task key and dynamic key; None if the event does not tell them."""
        columns = self.columns
        if "task_key" in columns and "dynamic_key" in columns:
            return self.flow_run_id, columns["task_key"], columns["dynamic_key"]
        return None


def read_change(event: Event) -> TaskRunChange:
    """The change that a task-run event tells of.

    Raises:
        UnusableEventError: the event lacks something or holds values of a wrong kind.
    """
    try:
        payload = _payload.validate_python(event.payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in ("payload", *first["loc"]))
        raise UnusableEventError(f"{place}: {first['msg']}") from None
    run, state = payload.task_run, payload.validated_state
    kind = state.type.value
    details = state.state_details.model_dump(mode="json", exclude_unset=True)
    if kind == SCHEDULED and details.get("scheduled_time") is None:
        details["scheduled_time"] = isoformat(event.received)
    return TaskRunChange(
        event=event,
        run_id=run.id or _id_in(event.resource_id, _RUN_PREFIX),
        flow_run_id=_flow_run_id(event),
        columns=_columns(run),
        type=kind,
        name=default_name(kind) if state.name is None else state.name,
        message=state.message,
        details=details,
        data=None if state.data is None else json_text(state.data),
    )


class _Policy(BaseModel):
    max_retries: Integer = 0
    retry_delay_seconds: float = 0.0
    retries: Integer | None = None
    retry_delay: Integer | float | list[Integer] | list[float] | None = None
    retry_jitter_factor: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _heed_former_names(self) -> _Policy:
        if not self.retries and self.max_retries != 0:
            self.retries = self.max_retries
        if not self.retry_delay and self.retry_delay_seconds != 0:
            self.retry_delay = self.retry_delay_seconds
        return self


_Count = Annotated[int, Field(ge=0, le=2**31 - 1)]

_LONGEST = datetime.max - datetime.min
_Duration = Annotated[timedelta, Field(ge=-_LONGEST, le=_LONGEST)]


class _Run(BaseModel):
    """``payload.task_run``. Which members were sent is in ``model_fields_set``."""

    id: IdText | None = None
    name: FreeText | None = None
    task_key: Storable | None = None
    dynamic_key: Storable | None = None
    task_version: Storable | None = None
    cache_key: Storable | None = None
    cache_expiration: Instant | None = None
    empirical_policy: _Policy | None = None
    tags: list[FreeText] | None = None
    labels: Labels | None = None
    task_inputs: dict[str, list[dict[str, Any]]] | None = None
    run_count: _Count | None = None
    flow_run_run_count: _Count | None = None
    expected_start_time: Instant | None = None
    start_time: Instant | None = None
    end_time: Instant | None = None
    total_run_time: _Duration | None = None


class _State(BaseModel):
    """``payload.validated_state``."""

    type: StateType
    name: FreeText | None = None
    message: FreeText | None = None
    state_details: StateDetails = Field(default_factory=StateDetails)
    data: Any = None


class _Payload(BaseModel):
    validated_state: _State
    task_run: _Run = Field(default_factory=_Run)


_payload: TypeAdapter[_Payload] = TypeAdapter(_Payload)


def _columns(run: _Run) -> dict[str, Any]:
    """The members that were sent, as the database keeps them."""
    columns: dict[str, Any] = {}
    for name in run.model_fields_set:
        value = getattr(run, name)
        if name == "id" or (value is None and name in _REQUIRED):
            continue
        if isinstance(value, timedelta):
            value //= _MICROSECOND
        elif isinstance(value, _Policy):
            value = json_text(value.model_dump())
        elif isinstance(value, (dict, list)):
            value = json_text(value)
        columns[name] = value
    return columns


def _flow_run_id(event: Event) -> str | None:
    resource_id = event.related_id("flow-run")
    return None if resource_id is None else _id_in(resource_id, _FLOW_RUN_PREFIX)


def _id_in(resource_id: str, prefix: str) -> str:
    try:
        if resource_id.startswith(prefix):
            return str(UUID(resource_id[len(prefix) :]))
    except ValueError:
        pass
    raise UnusableEventError(f"the resource id {resource_id!r} is not {prefix!r} and a UUID")
