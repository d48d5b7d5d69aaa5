"""Making flow runs."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from ephemeral_server import EphemeralServer
from ephemeral_server.flow_runs.schemas import FlowRunResponse
from tests import web
from tests.api.objects import NOBODY, made, new_flow, new_flow_run, new_task_run, states_of
from tests.api.shapes import assert_shape


def test_a_new_flow_run_is_answered_with_201_and_what_was_given(api: httpx.Client) -> None:
    given = {
        "flow_id": new_flow(api)["id"],
        "name": "mine",
        "flow_version": "v1",
        "parameters": {"x": [1, 2.5, None, "é"], "y": {"z": True}},
        "context": {"a": 1},
        "tags": ["z", "a", "a"],
        "idempotency_key": "once",
        "work_queue_name": "a queue without a pool",
        "job_variables": {"cpu": 1},
    }

    run = made(api, "/flow_runs/", given)

    assert_shape(FlowRunResponse, run)
    assert run.items() >= given.items()
    assert api.get(f"/flow_runs/{run['id']}").json() | UNTIMED == run | UNTIMED


#: What passes with the time.
UNTIMED = {"estimated_start_time_delta": 0, "estimated_run_time": 0}


def test_what_is_not_given_has_its_default(api: httpx.Client) -> None:
    run = new_flow_run(api)

    assert len(run["name"].split("-")) == 2
    assert (run["tags"], run["parameters"], run["context"]) == ([], {}, {})
    assert (run["run_count"], run["total_run_time"], run["auto_scheduled"]) == (0, 0, False)
    assert (run["infrastructure_pid"], run["created_by"], run["job_variables"]) == (None, None, {})
    assert run["empirical_policy"] == {
        "max_retries": 0,
        "retry_delay_seconds": 0,
        "retries": None,
        "retry_delay": None,
        "pause_keys": [],
        "resuming": False,
        "retry_type": None,
    }


def test_the_first_state_is_pending_unless_one_is_given(api: httpx.Client) -> None:
    run = new_flow_run(api)

    (state,) = states_of(api, "flow_run", run["id"])
    assert run["state"] == state
    assert (state["type"], state["name"], state["message"]) == ("PENDING", "Pending", None)
    assert state["state_details"]["flow_run_id"] == run["id"]
    assert (run["state_id"], run["state_type"], run["state_name"]) == (
        state["id"],
        "PENDING",
        "Pending",
    )
    assert run["expected_start_time"] == state["timestamp"]


@pytest.mark.parametrize(
    ("type", "name", "count", "started", "ended"),
    [
        ("SCHEDULED", "Scheduled", 0, False, False),
        ("PENDING", "Pending", 0, False, False),
        ("RUNNING", "Running", 1, True, False),
        ("COMPLETED", "Completed", 0, True, True),
        ("FAILED", "Failed", 0, True, True),
        ("CANCELLED", "Cancelled", 0, True, True),
        ("CRASHED", "Crashed", 0, True, True),
        ("PAUSED", "Paused", 0, False, False),
        ("CANCELLING", "Cancelling", 0, False, False),
    ],
)
def test_a_run_may_begin_in_any_state(
    api: httpx.Client, type: str, name: str, count: int, started: bool, ended: bool
) -> None:
    run = new_flow_run(api, type)

    assert (run["state"]["type"], run["state"]["name"]) == (type, name)
    assert run["run_count"] == count
    assert run["start_time"] == (run["state"]["timestamp"] if started else None)
    assert run["end_time"] == (run["state"]["timestamp"] if ended else None)


def test_a_scheduled_run_is_expected_when_it_is_scheduled(api: httpx.Client) -> None:
    at = "2030-01-02T03:04:05.000006Z"
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}

    run = made(api, "/flow_runs/", {"flow_id": new_flow(api)["id"], "state": state})

    assert run["next_scheduled_start_time"] == run["expected_start_time"] == at
    assert run["state"]["state_details"]["scheduled_time"] == at


def test_a_time_without_an_offset_is_in_utc(api: httpx.Client) -> None:
    details = {"scheduled_time": "2030-01-02T03:04:05"}

    state = {"type": "SCHEDULED", "state_details": details}
    run = made(api, "/flow_runs/", {"flow_id": new_flow(api)["id"], "state": state})

    assert run["next_scheduled_start_time"] == "2030-01-02T03:04:05Z"


@pytest.mark.parametrize("name", [None, ""])
def test_an_empty_name_is_replaced_by_a_random_one(api: httpx.Client, name: str | None) -> None:
    assert len(new_flow_run(api, name=name)["name"].split("-")) == 2


def test_the_data_of_a_first_state_is_kept(api: httpx.Client) -> None:
    state = {"type": "COMPLETED", "data": {"answer": [42]}, "message": "done"}

    run = made(api, "/flow_runs/", {"flow_id": new_flow(api)["id"], "state": state})

    assert (run["state"]["data"], run["state"]["message"]) == ({"answer": [42]}, "done")


def test_labels_are_those_of_the_flow_and_of_the_request(api: httpx.Client) -> None:
    flow = new_flow(api, labels={"env": "flow", "only": True})

    run = new_flow_run(api, flow_id=flow["id"], labels={"env": "run", "n": 3})

    assert run["labels"] == {"env": "run", "only": True, "n": 3, "prefect.flow.id": flow["id"]}


def test_the_old_names_of_the_policy_are_understood(api: httpx.Client) -> None:
    run = new_flow_run(api, empirical_policy={"max_retries": 2, "retry_delay_seconds": 3})

    policy = run["empirical_policy"]
    assert (policy["retries"], policy["retry_delay"]) == (2, 3)


class TestIdempotency:
    def test_the_same_key_of_the_same_flow_is_the_same_run(self, api: httpx.Client) -> None:
        run = new_flow_run(api, idempotency_key="k", name="first", parameters={"a": 1})

        body = {"flow_id": run["flow_id"], "idempotency_key": "k", "name": "second"}
        again = api.post("/flow_runs/", json={**body, "state": {"type": "RUNNING"}})

        assert again.status_code == 200
        assert again.json() | UNTIMED == run | UNTIMED
        assert len(states_of(api, "flow_run", run["id"])) == 1

    def test_the_same_key_of_another_flow_is_another_run(self, api: httpx.Client) -> None:
        assert (
            new_flow_run(api, idempotency_key="k")["id"]
            != new_flow_run(api, idempotency_key="k")["id"]
        )

    def test_no_key_and_an_empty_key_never_match(self, api: httpx.Client) -> None:
        flow = new_flow(api)["id"]
        keys = [{}, {}, {"idempotency_key": ""}, {"idempotency_key": ""}]

        assert len({new_flow_run(api, flow_id=flow, **key)["id"] for key in keys}) == 4

    def test_one_key_from_many_at_once_is_one_run(self, server: EphemeralServer) -> None:
        with web.client(server.api_url) as api:
            flow = new_flow(api)["id"]
            body = {"flow_id": flow, "idempotency_key": "k"}

            with ThreadPoolExecutor(8) as pool:
                asked = [pool.submit(api.post, "/flow_runs/", json=body) for _ in range(16)]
            answers = [each.result() for each in asked]

            assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
            (id,) = {answer.json()["id"] for answer in answers}
            assert api.post("/flow_runs/count", json={}).json() == 1
            assert len(states_of(api, "flow_run", id)) == 1


class TestCreatedBy:
    AUTOMATION = "11111111-2222-3333-4444-555555555555"

    def headers(self, name: str) -> dict[str, str]:
        return {"Prefect-Automation-ID": self.AUTOMATION, "Prefect-Automation-Name": name}

    def created(self, api: httpx.Client, headers: dict[str, str]) -> httpx.Response:
        return api.post("/flow_runs/", json={"flow_id": new_flow(api)["id"]}, headers=headers)

    def test_an_automation_names_itself(self, api: httpx.Client) -> None:
        name = base64.b64encode("Ünruh".encode()).decode()

        run = self.created(api, self.headers(name)).json()

        assert run["created_by"] == {
            "id": self.AUTOMATION,
            "type": "AUTOMATION",
            "display_value": "Ünruh",
        }

    @pytest.mark.parametrize("name", ["no base64!", "/w==", ""])
    def test_a_name_that_cannot_be_read_is_none(self, api: httpx.Client, name: str) -> None:
        assert self.created(api, self.headers(name)).json()["created_by"] is None

    def test_an_id_alone_is_nobody(self, api: httpx.Client) -> None:
        headers = {"Prefect-Automation-ID": self.AUTOMATION}

        assert self.created(api, headers).json()["created_by"] is None

    def test_a_malformed_id_is_refused(self, api: httpx.Client) -> None:
        answer = self.created(api, {"Prefect-Automation-ID": "nobody"})

        assert answer.status_code == 422
        assert answer.json()["exception_detail"][0]["loc"][-1].lower() == "prefect-automation-id"


class TestSubflows:
    def test_the_parent_task_run_enters_the_state_of_its_child(self, api: httpx.Client) -> None:
        parent = new_task_run(api, "PENDING", flow_run_id=new_flow_run(api, "RUNNING")["id"])

        child = new_flow_run(api, "RUNNING", parent_task_run_id=parent["id"])

        assert child["state"]["state_details"]["task_run_id"] == parent["id"]
        mirrored = api.get(f"/task_runs/{parent['id']}").json()
        assert mirrored["state"]["type"] == "RUNNING"
        assert mirrored["state"]["state_details"]["child_flow_run_id"] == child["id"]
        assert mirrored["state"]["id"] != child["state"]["id"]
        assert mirrored["run_count"] == 1


class TestRefusals:
    def refused(self, api: httpx.Client, body: Any) -> httpx.Response:
        answer = api.post(
            "/flow_runs/", content=body if isinstance(body, str) else json.dumps(body)
        )
        assert api.post("/flow_runs/count", json={}).json() == 0, "something was written"
        return answer

    @pytest.mark.parametrize(
        "body", [{"flow_id": NOBODY}, {"flow_id": NOBODY, "idempotency_key": "k"}]
    )
    def test_an_unknown_flow(self, api: httpx.Client, body: dict[str, str]) -> None:
        assert self.refused(api, body).status_code == 409

    def test_a_label_is_told_what_it_can_be(self, api: httpx.Client) -> None:
        answer = self.refused(api, {"flow_id": new_flow(api)["id"], "labels": {"a": None}})

        assert [error["loc"] for error in answer.json()["exception_detail"]] == [
            ["body", "labels", "a", kind] for kind in ("bool", "int", "float", "str")
        ]

    def test_an_unknown_parent(self, api: httpx.Client) -> None:
        body = {"flow_id": new_flow(api)["id"], "parent_task_run_id": NOBODY}

        assert self.refused(api, body).status_code == 409

    def test_an_unknown_work_pool(self, api: httpx.Client) -> None:
        answer = self.refused(api, {"flow_id": new_flow(api)["id"], "work_pool_name": "nope"})

        assert answer.status_code == 404
        assert answer.json() == {"detail": 'Work pool "nope" not found.'}

    def test_a_member_that_does_not_fit_is_named(self, api: httpx.Client) -> None:
        flow = new_flow(api)["id"]
        members: list[tuple[str, Any]] = [
            ("flow_id", "no uuid"),
            ("flow_id", None),
            ("tags", None),
            ("tags", "a"),
            ("tags", ["nul\x00"]),
            ("name", "nul\x00"),
            ("name", 5),
            ("parameters", None),
            ("parameters", []),
            ("context", "x"),
            ("state", {"type": "SLEEPING"}),
            ("state", {"type": "PENDING", "timestamp": "2026-01-01T00:00:00Z"}),
            ("state", {}),
            ("empirical_policy", {"retries": "many"}),
            ("empirical_policy", {"retry_type": "never"}),
            ("labels", {"nested": {}}),
            ("labels", {"nul": "\x00"}),
            ("parent_task_run_id", "no uuid"),
            ("idempotency_key", 5),
            ("job_variables", []),
            ("color", "red"),
        ]
        for member, value in members:
            answer = self.refused(api, {"flow_id": flow, member: value})
            assert answer.status_code == 422, (member, value)
            assert answer.json()["exception_message"] == "Invalid request received."
            assert answer.json()["exception_detail"][0]["loc"][:2] == ["body", member]

    def test_numbers_that_json_lacks(self, api: httpx.Client) -> None:
        flow = new_flow(api)["id"]
        for number in ("NaN", "-Infinity", "1e999"):
            body = f'{{"flow_id":"{flow}","parameters":{{"x":{number}}}}}'
            assert self.refused(api, body).status_code == 422, number

    def test_parameters_that_are_too_large(self, api: httpx.Client) -> None:
        parameters = {"x": "é" * 300_000}
        body = {"flow_id": new_flow(api)["id"], "parameters": parameters}

        answer = self.refused(api, body)

        assert answer.status_code == 422
        assert answer.json()["request_body"] == body
        (error,) = answer.json()["exception_detail"]
        assert (error["loc"], error["input"]) == (["body", "parameters"], parameters)
        assert error["msg"] == (
            "Value error, Flow run parameters must be less than 524,288 bytes when serialized "
            "(got 1,800,008 bytes)."
        )

    def test_parameters_that_are_as_large_as_can_be(self, api: httpx.Client) -> None:
        parameters = {"x": "a" * (524_288 - len('{"x":""}'))}

        assert new_flow_run(api, parameters=parameters)["parameters"] == parameters
