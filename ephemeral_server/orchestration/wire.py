"""States and the values that follow from them, as JSON."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.sql import Select

from ephemeral_server.clock import SECOND
from ephemeral_server.database.tables import artifact
from ephemeral_server.orchestration.changes import Outcome
from ephemeral_server.orchestration.states import RUNNING, TERMINAL, State
from ephemeral_server.orchestration.storage import state_columns
from ephemeral_server.wire import (
    Field,
    Shape,
    computed,
    dump,
    field,
    instant,
    plain,
    raw,
    text,
)

_STATE_KEYS = ("id", "type", "name", "timestamp", "message", "data", "state_details")
_KINDS = (plain, plain, text, instant, text, raw, raw)

#: A state, from a row that holds `state_columns`.
STATE = Shape(
    field(name, kind, f"state.{name}") for name, kind in zip(_STATE_KEYS, _KINDS, strict=True)
)


def _nested_state(*values: Any) -> str:
    return "null" if values[0] is None else STATE.render(values)


#: The member ``state`` of a run; null before its first.
STATE_FIELD = Field("state", _nested_state, STATE.keys)


def state_json(state: State | None) -> str:
    """A state that is in hand."""
    if state is None:
        return "null"
    data = None if state.data is None else dump(state.data)
    details = state.details_text()
    return STATE.render(
        (state.id, state.type, state.name, state.timestamp, state.message, data, details)
    )


def state_values(state: State) -> dict[str, Any]:
    """A state that is in hand, as a row that holds `state_columns`; its data as stored."""
    return {
        "state.id": state.id,
        "state.type": state.type,
        "state.name": state.name,
        "state.timestamp": state.timestamp,
        "state.message": state.message,
        "state.data": dump(state.data) if state.has_data else None,
        "state.state_details": state.details_text(),
    }


def result_json(outcome: Outcome) -> str:
    """The answer to a proposed state."""
    return f"{{{result_members(outcome)}}}"


def result_members(outcome: Outcome) -> str:
    """The members of that answer, without the braces around them."""
    return (
        f'"state":{state_json(outcome.state)},"status":"{outcome.status}",'
        f'"details":{dump(outcome.details)}'
    )


def select_states(table: Table) -> Select[Any]:
    """States with their results, to be narrowed by the caller."""
    join = table.outerjoin(artifact, artifact.c.id == table.c.result_artifact_id)
    columns = {column.name: column for column in state_columns(table)}
    return select(*(columns[key] for key in STATE.keys)).select_from(join)


def _running_time(now: int, total: int, state_type: str | None, state_timestamp: int | None) -> str:
    if state_type == RUNNING and state_timestamp is not None:
        total += max(0, now - state_timestamp)
    return repr(total / SECOND)


def _lateness(now: int, start: int | None, expected: int | None, state_type: str | None) -> str:
    late = 0
    if expected is not None:
        if start is not None:
            late = start - expected
        elif state_type not in TERMINAL:
            late = now - expected
    return repr(max(0, late) / SECOND)


#: Values of a run that pass with the time, so they are computed when it is read.
ESTIMATES = (
    computed(
        "estimated_run_time", _running_time, "total_run_time", "state_type", "state_timestamp"
    ),
    computed(
        "estimated_start_time_delta",
        _lateness,
        "start_time",
        "expected_start_time",
        "state_type",
    ),
)
