"""Proposing states to flow runs over HTTP; the rules themselves are tested in `orchestration`."""

from __future__ import annotations

import json
from typing import Any

import httpx

from ephemeral_server.orchestration.schemas import OrchestrationResult
from tests.api.objects import NOBODY, new_flow_run, set_state, states_of
from tests.api.shapes import assert_shape


def test_an_accepted_state_is_answered_with_201_and_stored(api: httpx.Client) -> None:
    run = new_flow_run(api)
    proposed = {"name": "At work", "message": "go", "data": {"a": [1]}}

    answer = set_state(api, f"/flow_runs/{run['id']}", "RUNNING", **proposed)

    assert answer.status_code == 201
    assert_shape(OrchestrationResult, answer.json())
    assert answer.json()["status"] == "ACCEPT"
    assert answer.json()["details"] == {"type": "accept_details"}
    state = answer.json()["state"]
    assert state.items() >= {"type": "RUNNING", **proposed}.items()
    changed = api.get(f"/flow_runs/{run['id']}").json()
    assert changed["state"] == state
    assert (changed["state_id"], changed["state_name"]) == (state["id"], "At work")
    assert (changed["run_count"], changed["start_time"]) == (1, state["timestamp"])
    assert [each["id"] for each in states_of(api, "flow_run", run["id"])] == [
        run["state_id"],
        state["id"],
    ]


def test_a_rejected_state_changes_nothing(api: httpx.Client) -> None:
    run = new_flow_run(api, "CANCELLING")

    answer = set_state(api, f"/flow_runs/{run['id']}", "RUNNING")

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["state"]) == ("REJECT", run["state"])
    assert api.get(f"/flow_runs/{run['id']}").json()["state"] == run["state"]
    assert len(states_of(api, "flow_run", run["id"])) == 1


def test_force_overrules_what_would_be_rejected(api: httpx.Client) -> None:
    run = new_flow_run(api, "CANCELLING")

    answer = set_state(api, f"/flow_runs/{run['id']}", "RUNNING", force=True)

    assert (answer.status_code, answer.json()["status"]) == (201, "ACCEPT")


def test_a_failure_with_retries_left_waits_for_its_retry(api: httpx.Client) -> None:
    run = new_flow_run(api, "RUNNING", empirical_policy={"retries": 1, "retry_delay": 60})

    failed = set_state(api, f"/flow_runs/{run['id']}", "FAILED")
    early = set_state(api, f"/flow_runs/{run['id']}", "RUNNING")

    assert (failed.status_code, failed.json()["status"]) == (201, "REJECT")
    assert failed.json()["state"]["name"] == "AwaitingRetry"
    assert (early.status_code, early.json()["status"]) == (200, "WAIT")
    assert 0 < early.json()["details"]["delay_seconds"] <= 60


def test_the_client_s_own_transition_id_makes_a_repeated_request_harmless(
    api: httpx.Client,
) -> None:
    run = new_flow_run(api)
    details = {"transition_id": "11111111-2222-3333-4444-555555555555"}
    path = f"/flow_runs/{run['id']}"

    first = set_state(api, path, "RUNNING", state_details=details)
    again = set_state(api, path, "RUNNING", state_details=details)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["state"] == first.json()["state"]
    assert len(states_of(api, "flow_run", run["id"])) == 2


def test_an_unknown_run_is_answered_with_404(api: httpx.Client) -> None:
    answer = set_state(api, f"/flow_runs/{NOBODY}", "RUNNING")

    assert answer.status_code == 404
    assert answer.json() == {"exception_message": f"Flow run with id {NOBODY} not found"}


def test_null_for_force_is_no_force(api: httpx.Client) -> None:
    run = new_flow_run(api, "CANCELLING")
    path = f"/flow_runs/{run['id']}/set_state"

    rejected = api.post(path, json={"state": {"type": "RUNNING"}, "force": None})
    entered = api.post(path, json={"state": {"type": "CANCELLED"}, "force": None, "more": 1})

    assert (rejected.status_code, rejected.json()["status"]) == (200, "REJECT")
    assert (entered.status_code, entered.json()["status"]) == (201, "ACCEPT")


def test_a_body_that_does_not_fit_is_refused_and_changes_nothing(api: httpx.Client) -> None:
    run = new_flow_run(api, "COMPLETED")
    bodies: list[Any] = [
        {},
        {"state": None},
        {"state": {}},
        {"state": {"type": "SLEEPING"}},
        {"state": {"type": "RUNNING", "name": 5}},
        {"state": {"type": "RUNNING", "name": "nul\x00"}},
        {"state": {"type": "RUNNING", "message": []}},
        {"state": {"type": "RUNNING", "id": NOBODY}},
        {"state": {"type": "RUNNING", "state_details": None}},
        {"state": {"type": "RUNNING", "state_details": {"transition_id": "no uuid"}}},
        {"state": {"type": "RUNNING", "state_details": {"scheduled_time": "soon"}}},
        {"state": {"type": "RUNNING"}, "force": "perhaps"},
        [],
    ]
    for body in bodies:
        answer = api.post(f"/flow_runs/{run['id']}/set_state", content=json.dumps(body))
        assert answer.status_code == 422, body
        assert answer.json()["exception_message"] == "Invalid request received."
    assert api.get(f"/flow_runs/{run['id']}").json() == run
