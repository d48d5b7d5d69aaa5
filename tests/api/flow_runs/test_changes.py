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


def test_an_empty_change_only_dates_the_run(api: httpx.Client) -> None:
    run = new_flow_run(api, "COMPLETED")

    assert api.patch(f"/flow_runs/{run['id']}", json={}).status_code == 204

    changed = read(api, run)
    assert changed["updated"] > run["updated"]
    assert changed == {**run, "updated": changed["updated"]}


@pytest.mark.parametrize("name", [None, ""])
def test_an_empty_name_is_replaced_by_a_random_one(api: httpx.Client, name: str | None) -> None:
    run = new_flow_run(api, name="named")

    assert api.patch(f"/flow_runs/{run['id']}", json={"name": name}).status_code == 204

    assert len(read(api, run)["name"].split("-")) == 2


def test_what_may_be_null_is_taken_away_by_null(api: httpx.Client) -> None:
    run = new_flow_run(api, flow_version="v1")
    api.patch(f"/flow_runs/{run['id']}", json={"infrastructure_pid": "1"})

    nulls = {"infrastructure_pid": None, "flow_version": None}
    assert api.patch(f"/flow_runs/{run['id']}", json=nulls).status_code == 204

    assert read(api, run).items() >= nulls.items()


def test_parameters_that_are_too_large_change_nothing(api: httpx.Client) -> None:
    run = new_flow_run(api, "COMPLETED")
    body = {"name": "new", "parameters": {"x": "a" * 524_288}}

    answer = api.patch(f"/flow_runs/{run['id']}", json=body)

    assert (answer.status_code, answer.json()["request_body"]) == (422, body)
    assert read(api, run) == run


def test_what_is_no_uuid_is_no_route(api: httpx.Client) -> None:
    routes = (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/set_state"))
    for id in ("5", "no-uuid", NOBODY + "0"):
        for method, path in routes:
            answer = api.request(method, f"/flow_runs/{id}{path}")
            assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


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


def test_a_change_that_does_not_fit_is_refused(api: httpx.Client) -> None:
    run = new_flow_run(api, "COMPLETED")
    members: list[tuple[str, Any]] = [
        ("tags", None),
        ("parameters", None),
        ("empirical_policy", None),
        ("state", {}),
        ("flow_id", NOBODY),
        ("name", "\x00"),
        ("infrastructure_pid", 5),
    ]
    for member, value in members:
        body = {"flow_version": "new", member: value}
        answer = api.patch(f"/flow_runs/{run['id']}", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["exception_detail"][0]["loc"] == ["body", member]
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


def test_labels_that_could_not_be_read_back_are_refused(api: httpx.Client) -> None:
    run = new_flow_run(api, "COMPLETED")
    labels: list[Any] = [[], "a", {"a": {}}, {"a": None}, {"a": [1]}, {"a": "nul\x00"}]
    for each in labels:
        answer = api.patch(f"/flow_runs/{run['id']}/labels", json=each)
        assert answer.status_code == 422, each
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
