"""Resuming paused flow runs, with the input that they wait for."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.database.tables import variable
from tests.application import Application
from tests.orchestration.runs import Answer, Run, Runs

KEYSET = {"schema": "paused-1-schema", "response": "paused-1-response"}
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "size": {"type": "integer", "default": 1},
    },
    "required": ["name"],
}


def _paused(runs: Runs, schema: Any = SCHEMA, **details: Any) -> Run:
    """A flow run that waits for input which fits a schema."""
    run = runs.flow_run("PAUSED", state_run_input_keyset=KEYSET, **details)
    if schema is not None:
        value = schema if isinstance(schema, str) else json.dumps(schema)
        body = {"key": KEYSET["schema"], "value": value}
        assert runs.application.post(f"/flow_runs/{run.id}/input", body).status_code == 201
    return run


def _resume(run: Run, run_input: Any = None, *, body: bool = True) -> Answer:
    sent = {"run_input": run_input} if body else None
    reply = run.application.post(f"/flow_runs/{run.id}/resume", sent)
    assert reply.status_code in (200, 201), reply.text
    answer = reply.json()
    return Answer(reply.status_code, answer["status"], answer["details"], answer["state"])


def _response(run: Run) -> Any:
    """What the run finds as its input."""
    reply = run.application.get(f"/flow_runs/{run.id}/input/{KEYSET['response']}")
    return json.loads(reply.text) if reply.status_code == 200 else None


def test_a_run_that_waits_for_nothing_goes_on(runs: Runs) -> None:
    run = runs.flow_run("PAUSED")
    answer = _resume(run, body=False)

    assert (answer.code, answer.status, answer.type) == (201, "ACCEPT", "RUNNING")
    assert run.state == answer.state


def test_a_suspended_run_is_scheduled_anew(runs: Runs) -> None:
    run = runs.flow_run("PAUSED", state_pause_reschedule=True, deployment_id=runs.deployment())
    answer = _resume(run)

    assert (answer.code, answer.type, answer.name) == (201, "SCHEDULED", "Resuming")
    assert answer.state is not None
    assert answer.state["state_details"]["scheduled_time"] == runs.now()


def test_input_is_ignored_by_a_run_that_takes_none(runs: Runs) -> None:
    run = runs.flow_run("PAUSED")

    assert _resume(run, {"a": 1}).status == "ACCEPT"
    assert run.application.post(f"/flow_runs/{run.id}/input/filter", {"prefix": ""}).json() == []


def test_input_that_fits_is_handed_to_the_run(runs: Runs) -> None:
    run = _paused(runs)
    answer = _resume(run, {"name": "é", "age": None})

    assert (answer.code, answer.type) == (201, "RUNNING")
    assert _response(run) == {"name": "é", "age": None}


def test_empty_input_that_fits_leaves_the_defaults_to_the_run(runs: Runs) -> None:
    run = _paused(runs, {"type": "object"})

    assert _resume(run, {}).status == "ACCEPT"
    assert _response(run) is None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "Validation failed. Failure reason: 'name' is a required property"),
        (
            {"name": "x", "size": "y"},
            "Validation failed for field 'size'. Failure reason: 'y' is not of type 'integer'",
        ),
        (
            {"name": "x", "size": None},
            "Validation failed for field 'size'. Failure reason: None is not of type 'integer'",
        ),
    ],
)
def test_input_that_does_not_fit_leaves_the_run_paused(runs: Runs, given: Any, reason: str) -> None:
    run = _paused(runs)
    before = run.state
    answer = _resume(run, given)

    assert (answer.code, answer.status) == (200, "REJECT")
    assert answer.details == {"type": "abort_details", "reason": f"Reason: {reason}"}
    assert answer.state == before == run.state
    assert _resume(run, {"name": "x"}).status == "ACCEPT"


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (None, "Run input schema not found."),
        ("{", "Run input schema is not valid JSON."),
        ("[1]", "Invalid schema: [1] is not of type 'object', 'boolean'"),
        ({"type": "odd"}, "Invalid schema: 'odd' is not valid under any of the given schemas"),
        (
            {"$ref": "#/definitions/A", "definitions": {"A": {"$ref": "#/definitions/A"}}},
            "Invalid schema: Unable to validate schema with circular references.",
        ),
        (
            {"$ref": "http://127.0.0.1:1/schema.json"},
            (
                "Invalid schema: Validation failed. Failure reason: "
                "Unresolvable: http://127.0.0.1:1/schema.json"
            ),
        ),
    ],
)
def test_a_schema_that_is_none_leaves_the_run_paused(runs: Runs, schema: Any, reason: str) -> None:
    run = _paused(runs, schema)
    answer = _resume(run, {"name": "x"})

    assert (answer.code, answer.status, answer.reason) == (200, "REJECT", reason)
    assert run.state["type"] == "PAUSED"


def test_what_stands_for_a_value_becomes_it(runs: Runs) -> None:
    name = f"v{uuid4()}"
    runs.application.insert(variable, name=name, value="41", tags="[]")
    run = _paused(runs)

    answer = _resume(
        run,
        {
            "name": {"__prefect_kind": "jinja", "template": "{{ 1 + 1 }}"},
            "age": {"__prefect_kind": "workspace_variable", "variable_name": name},
            "size": {"__prefect_kind": "json", "value": "42"},
        },
    )

    assert answer.status == "ACCEPT"
    assert _response(run) == {"name": "2", "age": 41, "size": 42}


def test_what_stands_for_no_value_leaves_the_run_paused(runs: Runs) -> None:
    run = _paused(runs)
    answer = _resume(
        run, {"name": {"__prefect_kind": "workspace_variable", "variable_name": "nope"}}
    )

    assert (answer.status, answer.details["type"]) == ("REJECT", "abort_details")
    assert answer.reason == ("Error hydrating run input: Variable 'nope' not found in workspace.")


@pytest.mark.parametrize("type", ["RUNNING", "COMPLETED", "SCHEDULED"])
def test_a_run_that_is_not_paused_is_not_resumed(runs: Runs, type: str) -> None:
    answer = _resume(runs.flow_run(type))

    assert (answer.code, answer.status, answer.state) == (200, "ABORT", None)
    assert answer.details == {
        "type": "abort_details",
        "reason": "Cannot resume a flow run that is not paused.",
    }


def test_a_pause_that_has_timed_out_has_failed(runs: Runs) -> None:
    run = runs.flow_run("PAUSED", state_pause_timeout=runs.now(10))
    runs.clock.advance(11)
    answer = _resume(run)

    assert (answer.code, answer.status, answer.type) == (201, "REJECT", "FAILED")
    assert answer.reason == "The flow run pause has timed out and can no longer resume."


def test_a_response_that_is_there_already_changes_nothing(runs: Runs) -> None:
    run = _paused(runs)
    body = {"key": KEYSET["response"], "value": "1"}
    run.application.post(f"/flow_runs/{run.id}/input", body)
    before = run.states()

    path = f"/flow_runs/{run.id}/resume"
    reply = run.application.post(path, {"run_input": {"name": "x"}})

    assert reply.status_code == 409
    assert reply.json() == {"detail": "A flow run input with this key already exists."}
    assert run.states() == before


def test_an_unknown_run_is_not_found(application: Application) -> None:
    id = uuid4()
    reply = application.post(f"/flow_runs/{id}/resume")

    assert reply.status_code == 404
    assert reply.json() == {"exception_message": f"Flow run with id {id} not found"}


def test_input_that_is_no_object_is_refused(runs: Runs) -> None:
    run = runs.flow_run("PAUSED")
    reply = run.application.post(f"/flow_runs/{run.id}/resume", {"run_input": [1]})

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"] == ["body", "run_input"]
