"""Task runs that are made and changed over HTTP."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from ephemeral_server import EphemeralServer
from ephemeral_server.task_runs.schemas import TaskRun
from tests import web
from tests.api.objects import NOBODY, made, new_flow_run, new_task_run, set_state, states_of
from tests.api.shapes import assert_shape

#: What passes with the time.
UNTIMED = {"estimated_start_time_delta": 0, "estimated_run_time": 0}


def read(api: httpx.Client, run: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/task_runs/{run['id']}").json()
    return found


def test_a_new_task_run_is_answered_with_201_and_what_was_given(api: httpx.Client) -> None:
    flow_run = new_flow_run(api, labels={"env": "flow run"})
    given = {
        "id": "01a20000-0000-7000-8000-000000000001",
        "name": "mine",
        "flow_run_id": flow_run["id"],
        "task_key": "add-1",
        "dynamic_key": "0",
        "cache_key": "a key",
        "cache_expiration": "2030-01-02T03:04:05Z",
        "task_version": "v1",
        "tags": ["b", "a", "a"],
        "task_inputs": {
            "x": [{"input_type": "task_run", "id": NOBODY}],
            "y": [{"input_type": "parameter", "name": "p"}],
            "z": [{"input_type": "constant", "type": "int"}],
        },
    }

    run = made(api, "/task_runs/", {**given, "labels": {"env": "task run"}})

    assert_shape(TaskRun, run)
    assert run.items() >= given.items()
    assert run["labels"] == {
        "env": "task run",
        "prefect.flow.id": flow_run["flow_id"],
        "prefect.flow-run.id": flow_run["id"],
    }
    assert read(api, run) | UNTIMED == run | UNTIMED
    (state,) = states_of(api, "task_run", run["id"])
    assert (state, state["type"]) == (run["state"], "PENDING")


def test_a_task_run_may_have_no_flow_run(api: httpx.Client) -> None:
    run = new_task_run(api, "RUNNING", labels={"a": 1})

    assert run["flow_run_id"] is None
    assert run["labels"] == {"a": 1}
    assert (run["run_count"], run["start_time"]) == (1, run["state"]["timestamp"])


def test_the_data_of_a_first_state_is_kept(api: httpx.Client) -> None:
    state = {"type": "COMPLETED", "data": {"answer": 42}}

    run = made(api, "/task_runs/", {"task_key": "t", "dynamic_key": "0", "state": state})

    assert run["state"]["data"] == {"answer": 42}


@pytest.mark.parametrize("in_flow_run", [True, False])
def test_the_same_keys_are_the_same_task_run(api: httpx.Client, in_flow_run: bool) -> None:
    keys = {"task_key": "t", "dynamic_key": "0"}
    if in_flow_run:
        keys["flow_run_id"] = new_flow_run(api)["id"]
    run = new_task_run(api, name="first", **keys)

    again = api.post("/task_runs/", json={**keys, "name": "second", "state": {"type": "RUNNING"}})

    assert again.status_code == 200
    assert again.json() | UNTIMED == run | UNTIMED
    assert len(states_of(api, "task_run", run["id"])) == 1


@pytest.mark.parametrize("in_flow_run", [True, False])
def test_the_same_keys_from_many_at_once_are_one_task_run(
    server: EphemeralServer, in_flow_run: bool
) -> None:
    with web.client(server.api_url) as api:
        body = {"task_key": "t", "dynamic_key": "0"}
        if in_flow_run:
            body["flow_run_id"] = new_flow_run(api)["id"]

        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(api.post, "/task_runs/", json=body) for _ in range(16)]
        answers = [each.result() for each in asked]

        assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
        assert api.post("/task_runs/count", json={}).json() == 1


def test_the_keys_decide_and_not_the_id(api: httpx.Client) -> None:
    run = new_task_run(api, dynamic_key="0")

    again = api.post("/task_runs/", json={"id": NOBODY, "task_key": "t", "dynamic_key": "0"})

    assert (again.status_code, again.json()["id"]) == (200, run["id"])


def test_the_same_keys_elsewhere_are_another_task_run(api: httpx.Client) -> None:
    places: list[dict[str, Any]] = [{}]
    places += [{"flow_run_id": new_flow_run(api)["id"]} for _ in range(2)]

    assert len({new_task_run(api, dynamic_key="0", **place)["id"] for place in places}) == 3


def test_the_old_names_of_the_policy_are_understood(api: httpx.Client) -> None:
    run = new_task_run(api, empirical_policy={"max_retries": 2, "retry_delay_seconds": 1.5})

    policy = run["empirical_policy"]
    assert (policy["retries"], policy["retry_delay"]) == (2, 1.5)


def test_an_id_that_is_taken_is_a_conflict(api: httpx.Client) -> None:
    run = new_task_run(api)

    answer = api.post("/task_runs/", json={"id": run["id"], "task_key": "t", "dynamic_key": "x"})

    assert answer.status_code == 409
    assert read(api, run)["dynamic_key"] == run["dynamic_key"]


def test_an_unknown_flow_run_is_a_conflict(api: httpx.Client) -> None:
    body = {"flow_run_id": NOBODY, "task_key": "t", "dynamic_key": "0"}

    assert api.post("/task_runs/", json=body).status_code == 409
    assert api.post("/task_runs/count", json={}).json() == 0


def test_a_member_that_does_not_fit_is_named(api: httpx.Client) -> None:
    members: list[tuple[str, Any]] = [
        ("dynamic_key", 0),
        ("dynamic_key", None),
        ("task_key", None),
        ("task_key", "nul\x00"),
        ("cache_key", "x" * 2001),
        ("empirical_policy", {"retry_delay": [1] * 51}),
        ("empirical_policy", {"retry_jitter_factor": -0.1}),
        ("empirical_policy", {"retry_jitter_factor": "x"}),
        ("task_inputs", {"x": [{"input_type": "dream", "id": NOBODY}]}),
        ("task_inputs", []),
        ("flow_run_id", "no uuid"),
        ("state", {"type": "SLEEPING"}),
        ("labels", {"a": [1]}),
        ("color", "red"),
    ]
    for member, value in members:
        body = {"task_key": "t", "dynamic_key": "0", member: value}
        answer = api.post("/task_runs/", content=json.dumps(body))
        assert answer.status_code == 422, (member, value)
        assert answer.json()["exception_detail"][0]["loc"][:2] == ["body", member]
        assert answer.json()["request_body"] == body
    assert api.post("/task_runs/count", json={}).json() == 0


def test_refusals_of_policies_and_keys_say_what_is_wrong(api: httpx.Client) -> None:
    for body, reason in (
        (
            {"cache_key": "x" * 2001},
            "Cache key exceeded maximum allowed length of 2000 characters.",
        ),
        (
            {"empirical_policy": {"retry_delay": [1] * 51}},
            "Can not configure more than 50 retry delays per task.",
        ),
        (
            {"empirical_policy": {"retry_jitter_factor": -1}},
            "`retry_jitter_factor` must be >= 0.",
        ),
    ):
        answer = api.post("/task_runs/", json={"task_key": "t", "dynamic_key": "0", **body})
        (error,) = answer.json()["exception_detail"]
        assert error["msg"] == f"Value error, {reason}"


def test_a_task_run_can_be_renamed(api: httpx.Client) -> None:
    run = new_task_run(api, "COMPLETED")

    answer = api.patch(f"/task_runs/{run['id']}", json={"name": "new"})

    assert (answer.status_code, answer.content) == (204, b"")
    changed = read(api, run)
    assert changed == {**run, "name": "new", "updated": changed["updated"]}
    assert changed["updated"] > run["updated"]


@pytest.mark.parametrize("change", [{"name": ""}, {"name": None}])
def test_an_empty_name_is_replaced_by_a_random_one(
    api: httpx.Client, change: dict[str, Any]
) -> None:
    run = new_task_run(api, name="named")

    assert api.patch(f"/task_runs/{run['id']}", json=change).status_code == 204

    assert len(read(api, run)["name"].split("-")) == 2


def test_an_empty_change_only_dates_the_run(api: httpx.Client) -> None:
    run = new_task_run(api, "COMPLETED")

    assert api.patch(f"/task_runs/{run['id']}", json={}).status_code == 204

    changed = read(api, run)
    assert changed["updated"] > run["updated"]
    assert changed == {**run, "updated": changed["updated"]}


def test_what_is_no_uuid_is_no_route(api: httpx.Client) -> None:
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/set_state")):
        answer = api.request(method, f"/task_runs/no-uuid{path}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_nothing_else_can_be_changed(api: httpx.Client) -> None:
    run = new_task_run(api, "COMPLETED")

    assert api.patch(f"/task_runs/{run['id']}", json={"tags": ["x"]}).status_code == 422
    assert read(api, run) == run


@pytest.mark.parametrize(
    ("method", "detail"),
    [("GET", "Task not found"), ("DELETE", "Task not found"), ("PATCH", "Task run not found")],
)
def test_an_unknown_task_run_is_answered_with_404(
    api: httpx.Client, method: str, detail: str
) -> None:
    body = {"name": "x"} if method == "PATCH" else None
    answer = api.request(method, f"/task_runs/{NOBODY}", json=body)

    assert (answer.status_code, answer.json()) == (404, {"detail": detail})


def test_a_deleted_task_run_takes_its_states_and_logs_with_it(api: httpx.Client) -> None:
    flow_run = new_flow_run(api, "RUNNING")
    run = new_task_run(api, flow_run_id=flow_run["id"])
    log = {"name": "n", "level": 20, "message": "m", "timestamp": "2026-01-01T00:00:00Z"}
    owners = [{"task_run_id": run["id"]}, {"flow_run_id": flow_run["id"]}]
    api.post("/logs/", json=[{**log, **owner} for owner in owners])

    assert api.delete(f"/task_runs/{run['id']}").status_code == 204

    assert api.get(f"/task_runs/{run['id']}").status_code == 404
    assert states_of(api, "task_run", run["id"]) == []
    (kept,) = api.post("/logs/filter", json={}).json()
    assert kept["task_run_id"] is None
    assert api.get(f"/flow_runs/{flow_run['id']}").status_code == 200


def test_subflows_of_a_deleted_task_run_live_on_without_a_parent(api: httpx.Client) -> None:
    run = new_task_run(api, flow_run_id=new_flow_run(api, "RUNNING")["id"])
    child = new_flow_run(api, "COMPLETED", parent_task_run_id=run["id"])

    assert api.delete(f"/task_runs/{run['id']}").status_code == 204

    kept = api.get(f"/flow_runs/{child['id']}").json()
    assert (kept["parent_task_run_id"], kept["state"]) == (None, child["state"])


def test_an_accepted_state_is_answered_with_201_and_stored(api: httpx.Client) -> None:
    run = new_task_run(api, flow_run_id=new_flow_run(api, "RUNNING")["id"])

    answer = set_state(api, f"/task_runs/{run['id']}", "RUNNING", message="go")

    assert (answer.status_code, answer.json()["status"]) == (201, "ACCEPT")
    changed = read(api, run)
    assert changed["state"] == answer.json()["state"]
    assert changed["state"]["state_details"]["task_run_id"] == run["id"]
    assert (changed["run_count"], changed["flow_run_run_count"]) == (1, 1)
    assert [each["type"] for each in states_of(api, "task_run", run["id"])] == [
        "PENDING",
        "RUNNING",
    ]


def test_a_task_does_not_run_before_its_flow_does(api: httpx.Client) -> None:
    flow_run = new_flow_run(api, "PENDING")
    run = new_task_run(api, flow_run_id=flow_run["id"])

    answer = set_state(api, f"/task_runs/{run['id']}", "RUNNING")

    assert (answer.status_code, answer.json()["status"]) == (200, "ABORT")
    assert read(api, run)["state_type"] == "PENDING"


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(api: httpx.Client) -> None:
    run = new_task_run(api, "COMPLETED")
    bodies: list[tuple[dict[str, Any], str]] = [
        ({}, "state"),
        ({"state": {}}, "type"),
        ({"state": {"type": "SLEEPING"}}, "type"),
        ({"state": {"type": "RUNNING", "timestamp": "2026-01-01T00:00:00Z"}}, "timestamp"),
        ({"state": {"type": "RUNNING"}, "force": "perhaps"}, "force"),
    ]
    for body, member in bodies:
        answer = api.post(f"/task_runs/{run['id']}/set_state", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["exception_message"] == "Invalid request received."
        assert answer.json()["exception_detail"][0]["loc"][-1] == member
        assert answer.json()["request_body"] == body
    assert read(api, run) == run


def test_states_of_an_unknown_task_run_are_answered_with_404(api: httpx.Client) -> None:
    answer = set_state(api, f"/task_runs/{NOBODY}", "RUNNING")

    assert answer.status_code == 404
    assert answer.json() == {"exception_message": f"Task run with id {NOBODY} not found"}
