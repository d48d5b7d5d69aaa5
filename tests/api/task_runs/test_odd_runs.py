"""Task runs with values that no sensible client sends are listed, found and moved like others."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.events.task_run_changes import read_change
from ephemeral_server.events.task_run_store import record_changes
from tests.application import Application
from tests.events.support import an_event, received

ODD_RUN = {
    "name": "\ud800",
    "tags": ["\x00", "\udfff"],
    "labels": {"huge": 10**300},
    "task_inputs": {"\x00\ud800": [{"a": 10**300, "\ud800": "\x00"}]},
    "empirical_policy": {"retries": 1, "retry_delay": 1e308, "retry_jitter_factor": 1e308},
    "start_time": "0001-01-01T00:00:00Z",
    "end_time": "9999-12-31T23:59:59.999999Z",
}
ODD_STATE = {
    "type": "RUNNING",
    "name": "\x00",
    "message": "\ud800",
    "data": {"\ud800": ["\x00", 10**300]},
    "state_details": {"pause_key": "\x00\ud800", "run_input_keyset": {"\ud800": "\x00"}},
}


@pytest.fixture
def odd_run(application: Application) -> str:
    """The id of a task run that a client told of in an event."""
    id = str(uuid4())
    sent = an_event(
        event="prefect.task-run.Running",
        resource={
            "prefect.resource.id": f"prefect.task-run.{id}",
            "prefect.orchestration": "client",
        },
        payload={
            "validated_state": ODD_STATE,
            "task_run": {"task_key": "odd", "dynamic_key": id, **ODD_RUN},
        },
    )
    assert application.write(record_changes, [read_change(received(sent))]) == []
    return id


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"task_runs": {"tags": {"all_": [""]}}},
        {"task_runs": {"tags": {"is_null_": False}}},
        {"task_runs": {"start_time": {"before_": "0001-01-01T00:00:00Z"}}},
        {"sort": "END_TIME_DESC"},
    ],
    ids=str,
)
def test_an_odd_run_is_found(application: Application, odd_run: str, query: dict[str, Any]) -> None:
    answer = application.post("/task_runs/filter", query)

    assert answer.status_code == 200
    assert odd_run in [run["id"] for run in answer.json()]


def test_an_odd_run_is_read_with_its_states(application: Application, odd_run: str) -> None:
    run = application.get(f"/task_runs/{odd_run}").json()
    states = application.get("/task_run_states/", params={"task_run_id": odd_run}).json()

    assert run["labels"] == {"huge": 10**300}
    assert run["state"] == states[0]
    assert states[0]["data"] == {"\ud800": ["\x00", 10**300]}


def test_an_odd_run_is_moved(application: Application, odd_run: str) -> None:
    path = f"/task_runs/{odd_run}/set_state"

    failed = application.post(path, {"state": {"type": "FAILED"}})
    started = application.post(path, {"state": {"type": "RUNNING"}, "force": True})

    assert failed.json()["state"]["name"] == "AwaitingRetry"
    assert (started.status_code, started.json()["status"]) == (201, "ACCEPT")
