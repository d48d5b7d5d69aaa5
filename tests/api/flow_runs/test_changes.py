"""Reading, changing and deleting one flow run."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from tests.api.objects import NOBODY, new_flow_run, new_task_run, states_of

NOT_FOUND = (404, {"detail": "Flow run not found"})


def read(api: httpx.Client, run: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/flow_runs/{run['id']}").json()
    return found


def test_a_run_is_read_by_its_id_however_that_is_written(api: httpx.Client) -> None:
    run = new_flow_run(api, "COMPLETED")

    for id in (run["id"], run["id"].upper(), uuid.UUID(run["id"]).hex):
        answer = api.get(f"/flow_runs/{id}")
        assert (answer.status_code, answer.json()) == (200, run)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
def test_an_unknown_run_is_answered_with_404(api: httpx.Client, method: str) -> None:
    body = {"name": "x"} if method == "PATCH" else None
    answer = api.request(method, f"/flow_runs/{NOBODY}", json=body)

    assert (answer.status_code, answer.json()) == NOT_FOUND


def test_only_what_is_given_is_changed(api: httpx.Client) -> None:
    run = new_flow_run(api, "COMPLETED", name="old", tags=["old"], parameters={"a": 1})
    changes = {
        "name": "new",
        "flow_version": "v2",
        "tags": ["b", "a", "a"],
        "infrastructure_pid": "host:12",
    }

    answer = api.patch(f"/flow_runs/{run['id']}", json=changes)

    assert (answer.status_code, answer.content) == (204, b"")
    changed = read(api, run)
    assert changed["updated"] > run["updated"]
    assert changed == {**run, **changes, "updated": changed["updated"]}


def test_parameters_and_policy_are_replaced_as_a_whole(api: httpx.Client) -> None:
    run = new_flow_run(
        api, parameters={"a": 1, "b": 2}, empirical_policy={"retries": 3, "pause_keys": ["k"]}
    )

    api.patch(
        f"/flow_runs/{run['id']}",
        json={"parameters": {"c": 3}, "empirical_policy": {"retry_delay": 5}},
    )

    changed = read(api, run)
    assert changed["parameters"] == {"c": 3}
    policy = changed["empirical_policy"]
    assert (policy["retries"], policy["retry_delay"], policy["pause_keys"]) == (None, 5, [])


@pytest.mark.parametrize(
    "changes",
    [{"tags": None}, {"parameters": None}, {"state": {}}, {"flow_id": NOBODY}, {"name": "\x00"}],
)
def test_a_change_that_does_not_fit_is_refused(api: httpx.Client, changes: dict[str, Any]) -> None:
    run = new_flow_run(api, "COMPLETED")

    answer = api.patch(f"/flow_runs/{run['id']}", json={"flow_version": "new", **changes})

    assert answer.status_code == 422
    assert read(api, run) == run


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("PENDING", "Job variables for a flow run in state PENDING cannot be updated"),
        ("SCHEDULED", "A deployment for the flow run could not be found"),
    ],
)
def test_job_variables_are_for_scheduled_runs_of_deployments(
    api: httpx.Client, state: str, reason: str
) -> None:
    run = new_flow_run(api, state)

    answer = api.patch(f"/flow_runs/{run['id']}", json={"job_variables": {"cpu": 1}, "name": "x"})

    assert (answer.status_code, answer.json()) == (400, {"detail": reason})
    assert read(api, run)["name"] == run["name"]


def test_labels_are_added_and_replaced(api: httpx.Client) -> None:
    run = new_flow_run(api, labels={"a": 1, "b": 2})

    answer = api.patch(f"/flow_runs/{run['id']}/labels", json={"b": "two", "c": True})

    assert answer.status_code == 204
    assert read(api, run)["labels"] == {**run["labels"], "b": "two", "c": True}


@pytest.mark.parametrize("labels", [[], "a", {"a": {}}, {"a": None}, {"a": [1]}])
def test_labels_that_could_not_be_read_back_are_refused(api: httpx.Client, labels: Any) -> None:
    run = new_flow_run(api, "COMPLETED")

    assert api.patch(f"/flow_runs/{run['id']}/labels", json=labels).status_code == 422
    assert read(api, run) == run


def test_labels_of_an_unknown_run_are_answered_with_404(api: httpx.Client) -> None:
    answer = api.patch(f"/flow_runs/{NOBODY}/labels", json={"a": 1})

    assert answer.status_code == 404
    assert answer.json() == {"exception_message": f"Flow run with id {NOBODY} not found"}


def test_a_deleted_run_takes_its_task_runs_states_and_logs_with_it(api: httpx.Client) -> None:
    run, other = new_flow_run(api, "RUNNING"), new_flow_run(api, "RUNNING")
    task_run = new_task_run(api, flow_run_id=run["id"])
    kept = new_task_run(api, flow_run_id=other["id"])
    at = {"name": "n", "level": 20, "message": "m", "timestamp": "2026-01-01T00:00:00Z"}
    api.post("/logs/", json=[{**at, "flow_run_id": each["id"]} for each in (run, other)])

    answer = api.delete(f"/flow_runs/{run['id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(f"/flow_runs/{run['id']}").status_code == 404
    assert api.get(f"/task_runs/{task_run['id']}").status_code == 404
    assert states_of(api, "flow_run", run["id"]) == []
    assert states_of(api, "task_run", task_run["id"]) == []
    assert [log["flow_run_id"] for log in api.post("/logs/filter", json={}).json()] == [other["id"]]
    assert api.get(f"/task_runs/{kept['id']}").status_code == 200


def test_subflows_of_a_deleted_run_live_on_without_a_parent(api: httpx.Client) -> None:
    outer = new_flow_run(api, "RUNNING")
    wrapper = new_task_run(api, flow_run_id=outer["id"])
    inner = new_flow_run(api, "COMPLETED", parent_task_run_id=wrapper["id"])

    api.delete(f"/flow_runs/{outer['id']}")

    assert read(api, inner)["parent_task_run_id"] is None
