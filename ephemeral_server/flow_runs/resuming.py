"""Resuming a paused flow run, with the input that it waits for.

Whether the input fits is found out between two transactions, since a schema may take its time
and the writer has others to serve. The second one resumes the run only if it still is in the
state that the first one saw.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from ephemeral_server.database.tables import flow_run, flow_run_state
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.flow_runs.inputs import create_input, read_input
from ephemeral_server.orchestration.changes import Outcome, set_flow_run_state
from ephemeral_server.orchestration.states import (
    PAUSED,
    RUNNING,
    State,
    load_details,
    scheduled,
)
from ephemeral_server.orchestration.storage import load_flow_run
from ephemeral_server.parameters.hydration import hydrate, variable_names
from ephemeral_server.parameters.store import read_variables
from ephemeral_server.parameters.validation import (
    InvalidSchemaError,
    UnresolvableError,
    errors_of,
    failure,
)
from ephemeral_server.settings import Settings
from ephemeral_server.wire import dump

_PAUSE = (
    select(flow_run_state.c.id, flow_run_state.c.type, flow_run_state.c.state_details)
    .select_from(flow_run)
    .outerjoin(flow_run_state, flow_run_state.c.id == flow_run.c.state_id)
    .where(flow_run.c.id == bindparam("id"))
)


class InputRefusedError(ValueError):
    """The input does not fit what the run waits for. The message is for the client."""


@dataclass(frozen=True, slots=True)
class Pause:
    """What a flow run waits for.

    Attributes:
        state_id: of the state it is in; None if it has none.
        keyset: under which keys its schema and the response are kept; None if it takes no input.
        schema: text of the JSON schema of the input, if there is one.
        variables: values of the variables that the given input names.
    """

    state_id: str | None
    keyset: dict[str, str] | None
    schema: str | None
    variables: dict[str, Any]


def read_pause(connection: Connection, id: str, given: dict[str, Any]) -> Pause:
    """What a flow run waits for, and what is needed to look at the input `given`.

    Raises:
        ObjectNotFoundError: there is no such flow run.
    """
    row = connection.execute(_PAUSE, {"id": id}).first()
    if row is None:
        raise ObjectNotFoundError(f"Flow run with id {id} not found")
    keyset = load_details(row.state_details).get("run_input_keyset")
    if row.type != PAUSED or not keyset:
        return Pause(row.id, None, None, {})
    schema = read_input(connection, id, keyset.get("schema", ""))
    return Pause(row.id, keyset, schema, read_variables(connection, variable_names(given)))


def checked_input(pause: Pause, given: dict[str, Any]) -> str | None:
    """The input to hand to the run, as JSON; None if there is nothing to hand over.

    Raises:
        InputRefusedError: it does not fit.
    """
    if pause.keyset is None:
        return None
    hydrated = hydrate(given, pause.variables)
    for reason in hydrated.failures.values():
        raise InputRefusedError(f"Error hydrating run input: {reason}")
    if pause.schema is None:
        raise InputRefusedError("Run input schema not found.")
    try:
        schema = json.loads(pause.schema)
    except (ValueError, RecursionError):
        raise InputRefusedError("Run input schema is not valid JSON.") from None
    try:
        wrong = failure(errors_of(schema, hydrated.values))
    except InvalidSchemaError as error:
        raise InputRefusedError(str(error)) from None
    except UnresolvableError as error:
        raise InputRefusedError(f"Invalid schema: {error}") from None
    if wrong is not None:
        raise InputRefusedError(f"Reason: {wrong}")
    return dump(hydrated.values) if hydrated.values else None


def refuse_input(tx: Transaction, id: str, pause: Pause, reason: str) -> Outcome | None:
    """The answer to an input that does not fit; None if the run has left the pause meanwhile."""
    _, state = load_flow_run(tx, id)
    if state is None or state.id != pause.state_id:
        return None
    return Outcome(state, False, "REJECT", {"type": "abort_details", "reason": reason})


def resume(
    tx: Transaction, settings: Settings, id: str, pause: Pause, response: str | None
) -> Outcome | None:
    """Let a flow run go on; None if it has left the pause meanwhile.

    Args:
        response: the input as JSON, to be kept where the run looks for it.

    Raises:
        ObjectNotFoundError: there is no such flow run.
        ConflictError: there is a response already. Nothing is changed then.
    """
    _, state = load_flow_run(tx, id)
    if state is None or state.type != PAUSED:
        reason = "Cannot resume a flow run that is not paused."
        return Outcome(None, False, "ABORT", {"type": "abort_details", "reason": reason})
    if state.id != pause.state_id:
        return None
    now = tx.now()
    if state.details.get("pause_reschedule"):
        proposed = scheduled(now, now, "Resuming")
    else:
        proposed = State(RUNNING, "Running", now)
    outcome = set_flow_run_state(tx, settings, id, proposed)
    if outcome.status == "ACCEPT" and response is not None and pause.keyset is not None:
        create_input(tx, id, pause.keyset.get("response", ""), response, None)
    return outcome
