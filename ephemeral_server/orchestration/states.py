"""What a state is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from ephemeral_server.clock import isoformat, micros
from ephemeral_server.ids import new_id
from ephemeral_server.wire import dump


class StateType(str, Enum):
    """The nine types; names are free text beside them."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"


SCHEDULED, PENDING, RUNNING = "SCHEDULED", "PENDING", "RUNNING"
COMPLETED, FAILED, CANCELLED, CRASHED = "COMPLETED", "FAILED", "CANCELLED", "CRASHED"
PAUSED, CANCELLING = "PAUSED", "CANCELLING"

#: Name of the SCHEDULED state between a failure and the next try.
AWAITING_RETRY = "AwaitingRetry"

ALL_TYPES = frozenset(member.value for member in StateType)
TERMINAL = frozenset({COMPLETED, FAILED, CANCELLED, CRASHED})

#: Every member of ``state_details``, as it is when unset.
DETAIL_DEFAULTS: Mapping[str, Any] = {
    "flow_run_id": None,
    "task_run_id": None,
    "child_flow_run_id": None,
    "scheduled_time": None,
    "cache_key": None,
    "cache_expiration": None,
    "deferred": False,
    "untrackable_result": False,
    "pause_timeout": None,
    "pause_reschedule": False,
    "pause_key": None,
    "run_input_keyset": None,
    "refresh_cache": None,
    "retriable": None,
    "transition_id": None,
    "task_parameters_id": None,
    "traceparent": None,
    "deployment_concurrency_lease_id": None,
}


@dataclass(slots=True)
class State:
    """One state of a run.

    Attributes:
        type: one of `StateType`, as plain text.
        timestamp: when it was entered, microseconds since 1970 UTC.
        details: members of ``state_details`` that are set, as JSON values; instants are ISO text.
        data: the result or its metadata, any JSON value.
    """

    type: str
    name: str
    timestamp: int
    message: str | None = None
    data: Any = None
    details: dict[str, Any] = field(default_factory=dict)
    id: str = ""

    def __post_init__(self) -> None:
        self.id = self.id or new_id(self.timestamp)

    @property
    def is_terminal(self) -> bool:
        return self.type in TERMINAL

    @property
    def is_persisted(self) -> bool:
        """Whether `data` tells where a result is kept."""
        return isinstance(self.data, dict) and bool(self.data) and self.has_data

    @property
    def has_data(self) -> bool:
        """Whether `data` is stored: a result that was not persisted leaves none."""
        return self.data is not None and not (
            isinstance(self.data, dict) and self.data.get("type") == "unpersisted"
        )

    @property
    def scheduled_time(self) -> int | None:
        return self.instant("scheduled_time")

    def instant(self, member: str) -> int | None:
        """A detail that is an instant, in microseconds since 1970 UTC."""
        text = self.details.get(member)
        return None if text is None else parse_instant(text)

    def copy(self, timestamp: int, **changes: Any) -> State:
        """The same state anew: own id and `timestamp`, some attributes changed."""
        values = {
            "type": self.type,
            "name": self.name,
            "message": self.message,
            "data": self.data,
            "details": dict(self.details),
            **changes,
        }
        return State(timestamp=timestamp, **values)

    def details_text(self) -> str:
        return details_text(self.details)


def details_text(details: Mapping[str, Any]) -> str:
    """``state_details`` as JSON with every member present."""
    return dump({**DETAIL_DEFAULTS, **details})


def parse_instant(text: str) -> int:
    """ISO text with an offset or ``Z`` as microseconds since 1970 UTC."""
    return micros(datetime.fromisoformat(text.replace("Z", "+00:00")))


def default_name(state_type: str) -> str:
    """The name of a state that was given none: its type with a capital first letter."""
    return state_type.capitalize()


def scheduled(at: int, now: int, name: str = "Scheduled", **changes: Any) -> State:
    """A SCHEDULED state for the instant `at`."""
    details = {"scheduled_time": isoformat(at), **changes.pop("details", {})}
    return State(SCHEDULED, name, now, details=details, **changes)


def load_details(text: str | None) -> dict[str, Any]:
    """``state_details`` from the database."""
    details: dict[str, Any] = json.loads(text) if text else {}
    return details
