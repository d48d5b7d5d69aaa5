"""One deployment: making and reading it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ephemeral_server.deployments.schemas import DeploymentResponse
from tests.api.deployments.conftest import HOURLY, Deployments
from tests.api.objects import NOBODY, new_flow
from tests.api.shapes import assert_shape


def test_a_new_one_is_answered_with_201_and_what_was_given(deployments: Deployments) -> None:
    given = {
        "version": "1",
        "description": "nightly",
        "paused": True,
        "tags": ["b", "a"],
        "parameters": {"x": [1, None]},
        "parameter_openapi_schema": {"type": "object", "properties": {"x": {}}},
        "enforce_parameter_schema": False,
        "job_variables": {"image": "slim"},
        "pull_steps": [{"clone": {"repository": "r"}}],
        "path": "/srv",
        "entrypoint": "flows.py:main",
        "concurrency_options": {"collision_strategy": "CANCEL_NEW", "grace_period_seconds": 60},
    }

    answer = deployments.application.post("/deployments/", deployments.body(**given))

    assert answer.status_code == 201
    assert_shape(DeploymentResponse, answer.json())
    assert answer.json().items() >= given.items()


def test_one_of_which_nothing_is_said_has_nothing(deployments: Deployments) -> None:
    flow = new_flow(deployments.api)

    made = deployments.new(flow_id=flow["id"], name="bare")

    now = made.pop("created")
    assert made == {
        "id": made["id"],
        "updated": now,
        "name": "bare",
        "version": None,
        "description": None,
        "flow_id": flow["id"],
        "paused": False,
        "schedules": [],
        "concurrency_limit": None,
        "global_concurrency_limit": None,
        "concurrency_options": None,
        "job_variables": {},
        "parameters": {},
        "tags": [],
        "labels": {"prefect.flow.id": flow["id"]},
        "work_queue_name": None,
        "work_queue_id": None,
        "last_polled": None,
        "parameter_openapi_schema": {},
        "path": None,
        "pull_steps": [],
        "entrypoint": None,
        "storage_document_id": None,
        "infrastructure_document_id": None,
        "created_by": None,
        "updated_by": None,
        "work_pool_name": None,
        "status": "NOT_READY",
        "enforce_parameter_schema": True,
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, {"type": "object", "properties": {}}),
        (None, None),
        ({"type": "object"}, {"type": "object"}),
    ],
)
def test_an_empty_schema_is_made_a_whole_one(
    deployments: Deployments, given: Any, kept: Any
) -> None:
    assert deployments.new(parameter_openapi_schema=given)["parameter_openapi_schema"] == kept


def test_labels_add_to_those_of_the_flow(deployments: Deployments) -> None:
    flow = new_flow(deployments.api, labels={"team": "a", "from": "flow"})

    made = deployments.new(flow_id=flow["id"], labels={"team": "b", "n": 1})

    assert made["labels"] == {
        "team": "b",
        "from": "flow",
        "prefect.flow.id": flow["id"],
        "n": 1,
    }


def test_what_clients_of_long_ago_send_is_passed_over(deployments: Deployments) -> None:
    old = {
        "worker_pool_queue_id": NOBODY,
        "worker_pool_name": "p",
        "worker_pool_queue_name": "q",
        "work_pool_queue_name": "q",
    }

    made = deployments.new(**old)

    assert (made["work_pool_name"], made["work_queue_name"]) == (None, None)
    assert deployments.patch(made["id"], **old).status_code == 204


def test_where_a_version_comes_from_is_not_kept(deployments: Deployments) -> None:
    info = {"type": "git", "version": "7", "branch": "main"}

    made = deployments.new(version_info=info)

    assert made["version"] is None
    assert deployments.patched(made["id"], version_info=info)["version"] is None


def test_a_name_may_be_empty(deployments: Deployments) -> None:
    assert deployments.new(name="")["name"] == ""


@pytest.mark.parametrize("name", ["a/b", "50%", "a&b", "a>b", "a<b", "nul\x00", "\ud800"])
def test_a_name_that_cannot_be_used_is_refused(deployments: Deployments, name: str) -> None:
    content = json.dumps(deployments.body(name=name))

    answer = deployments.application.request("POST", "/deployments/", content=content)

    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["body", "name"]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"flow_id": "x"}, ["flow_id"]),
        ({"color": "red"}, ["color"]),
        ({"work_queue_name": "a/b"}, ["work_queue_name"]),
        ({"branch": "main"}, ["branch"]),
        ({"tags": None}, ["tags"]),
        ({"paused": None}, ["paused"]),
        ({"job_variables": None}, ["job_variables"]),
        ({"labels": {"a": {"b": 1}}}, ["labels", "a", "bool"]),
        ({"concurrency_limit": 0}, ["concurrency_limit"]),
        ({"concurrency_limit": 2**63}, ["concurrency_limit"]),
        ({"concurrency_options": {}}, ["concurrency_options", "collision_strategy"]),
        (
            {"concurrency_options": {"collision_strategy": "ENQUEUE", "grace_period_seconds": 59}},
            ["concurrency_options", "grace_period_seconds"],
        ),
        ({"version_info": {"type": "git"}}, ["version_info", "version"]),
        ({"schedules": [{"schedule": {}}]}, ["schedules", 0, "schedule"]),
        ({"schedules": [{"schedule": HOURLY, "x": 1}]}, ["schedules", 0, "x"]),
        (
            {"schedules": [{"schedule": HOURLY, "max_scheduled_runs": 51}]},
            ["schedules", 0, "max_scheduled_runs"],
        ),
        (
            {"schedules": [{"schedule": HOURLY, "max_scheduled_runs": 0}]},
            ["schedules", 0, "max_scheduled_runs"],
        ),
        ({"parameters": {"x": "y" * 600_000}}, ["parameters"]),
        ({"concurrency_limit": 1, "global_concurrency_limit_id": NOBODY}, []),
    ],
)
def test_a_body_that_cannot_be_used_is_refused(
    deployments: Deployments, given: dict[str, Any], place: list[Any]
) -> None:
    answer = deployments.application.post("/deployments/", deployments.body(**given))

    assert answer.status_code == 422
    answered = answer.json()
    assert answered["exception_message"] == "Invalid request received."
    loc = answered["exception_detail"][0]["loc"]
    assert loc[: len(place) + 1] == ["body", *place]


def test_parameters_that_are_too_large_are_refused_in_words(deployments: Deployments) -> None:
    id = deployments.new()["id"]

    answer = deployments.patch(id, parameters={"x": "y" * 600_000})

    assert answer.json()["exception_detail"][0]["msg"] == (
        "Value error, Flow run parameters must be less than 524,288 bytes when serialized "
        "(got 600,008 bytes)."
    )


def test_a_flow_that_is_not_there_is_a_conflict(deployments: Deployments) -> None:
    answer = deployments.application.post("/deployments/", {"name": "d", "flow_id": NOBODY})

    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("Data integrity conflict.")


@pytest.mark.parametrize("kind", ["infrastructure", "storage"])
def test_a_block_that_is_not_there_is_a_conflict(deployments: Deployments, kind: str) -> None:
    known = deployments.new()
    given = {f"{kind}_document_id": NOBODY}

    made = deployments.application.post("/deployments/", deployments.body(**given))
    changed = deployments.patch(known["id"], **given)

    assert (made.status_code, changed.status_code) == (409, 409)
    assert made.json()["detail"] == (
        f"Error creating deployment. Could not find {kind} block with id: {NOBODY}. This usually "
        "occurs when applying a deployment specification that was built against a different "
        "Prefect database / workspace."
    )


def test_it_is_read_by_its_id(deployments: Deployments) -> None:
    made = deployments.new(tags=["a"], schedules=[{"schedule": HOURLY}])

    assert deployments.read(made["id"]) == made


def test_it_is_read_by_the_names_of_its_flow_and_its_own(deployments: Deployments) -> None:
    flow, other = new_flow(deployments.api), new_flow(deployments.api)
    made = deployments.new(flow_id=flow["id"], name="Nächtlich?")
    deployments.new(flow_id=other["id"], name="Nächtlich?")

    answer = deployments.application.get(f"/deployments/name/{flow['name']}/N%C3%A4chtlich%3F")

    assert (answer.status_code, answer.json()) == (200, made)


def test_what_is_not_there_is_not_found(deployments: Deployments) -> None:
    flow = new_flow(deployments.api)
    for path in (NOBODY, f"name/{flow['name']}/nobody", "name/nobody/nobody"):
        answer = deployments.application.get(f"/deployments/{path}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Deployment not found"})
    answer = deployments.patch(NOBODY)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Deployment not found."})
    for path in ("pause_deployment", "resume_deployment"):
        answer = deployments.application.post(f"/deployments/{NOBODY}/{path}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Deployment not found"})


def test_an_id_that_is_none_names_no_route(deployments: Deployments) -> None:
    answer = deployments.application.get("/deployments/nobody")

    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
