"""Changing deployments by PATCH, pausing and resuming them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.deployments.conftest import HOURLY, Deployments
from tests.api.objects import NOBODY

FULL: dict[str, Any] = {
    "version": "1",
    "description": "first",
    "tags": ["a"],
    "labels": {"own": 1},
    "parameters": {"x": 1, "y": 2},
    "parameter_openapi_schema": {"type": "object", "properties": {"x": {"type": "integer"}}},
    "job_variables": {"image": "slim"},
    "pull_steps": [{"step": {}}],
    "path": "/srv",
    "entrypoint": "f.py:f",
    "concurrency_options": {"collision_strategy": "ENQUEUE", "grace_period_seconds": None},
}
#: Changed to just what is given.
AS_GIVEN: list[dict[str, Any]] = [
    {"description": None},
    {"version": None},
    {"path": None},
    {"entrypoint": None},
    {"pull_steps": None},
    {"concurrency_options": None},
    {"version": "2", "description": "second", "path": "/", "entrypoint": "g.py:g"},
    {"tags": []},
    {"tags": ["b", "b"]},
    {"paused": True},
    {"parameters": {"x": 3}},
    {"enforce_parameter_schema": False},
    {"parameter_openapi_schema": None},
    {"job_variables": {}},
    {"pull_steps": []},
    {
        "concurrency_options": {
            "collision_strategy": "CANCEL_NEW",
            "grace_period_seconds": 90,
        }
    },
]
#: What is sent, and what changes by that.
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    *[(given, given) for given in AS_GIVEN],
    ({"job_variables": None}, {}),
    (
        {"parameter_openapi_schema": {}},
        {"parameter_openapi_schema": {"type": "object", "properties": {}}},
    ),
    ({"storage_document_id": None, "infrastructure_document_id": None}, {}),
    ({"global_concurrency_limit_id": None, "concurrency_limit": None}, {}),
    ({"schedules": []}, {}),
]


@pytest.mark.parametrize(("given", "changed"), CASES)
def test_what_is_given_replaces_what_was_there_and_the_rest_stays(
    deployments: Deployments, given: dict[str, Any], changed: dict[str, Any]
) -> None:
    before = deployments.new(**FULL)
    deployments.application.clock.advance(1)

    after = deployments.patched(before["id"], **given)

    assert after.pop("updated") > before.pop("updated")
    assert after == {**before, **changed}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"name": "n"}, "extra_forbidden"),
        ({"flow_id": NOBODY}, "extra_forbidden"),
        ({"labels": {}}, "extra_forbidden"),
        ({"tags": None}, "list_type"),
        ({"paused": None}, "bool_type"),
        ({"schedules": None}, "list_type"),
        ({"concurrency_limit": -1}, "greater_than"),
        ({"concurrency_limit": 1, "global_concurrency_limit_id": NOBODY}, "value_error"),
        ({"schedules": [{"schedule": HOURLY, "max_scheduled_runs": 51}]}, "value_error"),
        ({"schedules": [{"parameters": None}]}, "dict_type"),
    ],
)
def test_what_cannot_be_used_is_refused(
    deployments: Deployments, given: dict[str, Any], kind: str
) -> None:
    before = deployments.new()

    answer = deployments.patch(before["id"], **given)

    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["type"] == kind
    assert deployments.read(before["id"]) == before


@pytest.mark.parametrize("member", ["parameters", "enforce_parameter_schema"])
def test_what_must_be_there_cannot_be_taken_away(deployments: Deployments, member: str) -> None:
    before = deployments.new()

    answer = deployments.patch(before["id"], **{member: None})

    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("Data integrity conflict.")
    assert deployments.read(before["id"]) == before


def test_pausing_and_resuming_can_be_repeated(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY}])

    for path, paused in (("pause", True), ("pause", True), ("resume", False), ("resume", False)):
        deployments.application.clock.advance(1)
        answer = deployments.application.post(f"/deployments/{made['id']}/{path}_deployment")
        assert (answer.status_code, answer.json()) == (200, None)
        after = deployments.read(made["id"])
        assert after["paused"] is paused
        assert after["schedules"] == made["schedules"]
        assert after["updated"] > made["updated"]
        made = after


def test_changes_ask_for_a_plan(deployments: Deployments) -> None:
    made = deployments.new()
    assert deployments.is_to_be_planned(made["id"])

    deployments.again(made)
    assert deployments.is_to_be_planned(made["id"])
    deployments.patched(made["id"])
    assert deployments.is_to_be_planned(made["id"])
    deployments.application.post(f"/deployments/{made['id']}/pause_deployment")
    assert not deployments.is_to_be_planned(made["id"])
    deployments.application.post(f"/deployments/{made['id']}/resume_deployment")
    assert deployments.is_to_be_planned(made["id"])
