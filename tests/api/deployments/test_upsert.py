"""A deployment that is posted once more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.deployments.conftest import DAILY, HOURLY, Deployments
from tests.api.objects import new_flow

FULL: dict[str, Any] = {
    "version": "1",
    "description": "first",
    "paused": True,
    "tags": ["a"],
    "parameters": {"x": 1},
    "parameter_openapi_schema": {"type": "object", "properties": {"x": {"type": "integer"}}},
    "enforce_parameter_schema": False,
    "job_variables": {"image": "slim"},
    "pull_steps": [{"step": {}}],
    "path": "/srv",
    "entrypoint": "f.py:f",
    "concurrency_options": {"collision_strategy": "ENQUEUE", "grace_period_seconds": None},
}
#: Changed to just what is given.
AS_GIVEN: list[dict[str, Any]] = [
    {"pull_steps": None, "concurrency_options": None},
    {"parameter_openapi_schema": None},
    {"parameters": {}, "job_variables": {}, "tags": []},
    {"parameters": {"y": 2}},
    {"paused": False, "enforce_parameter_schema": True},
]
#: What is posted, and what changes by that.
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    *[({key: None}, {key: None}) for key in ("version", "description", "path", "entrypoint")],
    *[(given, given) for given in AS_GIVEN],
    (
        {"parameter_openapi_schema": {}},
        {"parameter_openapi_schema": {"type": "object", "properties": {}}},
    ),
]


@pytest.mark.parametrize(("given", "changed"), CASES)
def test_what_is_given_replaces_what_was_there_and_the_rest_stays(
    deployments: Deployments, given: dict[str, Any], changed: dict[str, Any]
) -> None:
    before = deployments.new(**FULL)
    deployments.application.clock.advance(1)

    after = deployments.again(before, **given)

    assert after.pop("updated") > before.pop("updated")
    assert after == {**before, **changed}
    assert deployments.read(before["id"]).items() >= after.items()


def test_labels_are_those_of_the_flow_and_of_the_request(deployments: Deployments) -> None:
    flow = new_flow(deployments.api, labels={"team": "a"})
    system = {"team": "a", "prefect.flow.id": flow["id"]}
    made = deployments.new(flow_id=flow["id"], labels={"own": 1})

    assert deployments.again(made, labels={"new": 2})["labels"] == {**system, "new": 2}
    assert deployments.again(made)["labels"] == system
    assert deployments.again(made, labels=None)["labels"] == system


def test_schedules_that_are_not_posted_again_go(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY}, {"schedule": DAILY, "slug": "d"}])

    kept = deployments.again(made, schedules=[{"schedule": DAILY, "slug": "d"}])["schedules"]

    assert kept == [made["schedules"][0]]
    assert deployments.again(made)["schedules"] == []


def test_a_schedule_that_is_posted_again_as_it_was_keeps_its_id(deployments: Deployments) -> None:
    schedules = [
        {"schedule": HOURLY, "parameters": {"x": 1}, "max_scheduled_runs": 4},
        {"schedule": HOURLY},
        {"schedule": {"interval": 60, "anchor_date": "2026-01-01T00:00:00Z"}, "active": False},
    ]
    made = deployments.new(schedules=schedules)
    deployments.application.clock.advance(1)

    assert deployments.again(made, schedules=schedules)["schedules"] == made["schedules"]


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": DAILY},
        {"active": False},
        {"parameters": {"x": 2}},
        {"slug": "other"},
        {"max_scheduled_runs": 3},
    ],
)
def test_a_schedule_that_is_another_now_has_another_id(
    deployments: Deployments, change: dict[str, Any]
) -> None:
    given = {"schedule": HOURLY, "slug": "s", "parameters": {"x": 1}}
    made = deployments.new(schedules=[given])

    (after,) = deployments.again(made, schedules=[{**given, **change}])["schedules"]

    assert after["id"] != made["schedules"][0]["id"]
    assert after.items() >= change.items() or "schedule" in change


def test_how_many_runs_a_schedule_plans_ahead_is_kept(deployments: Deployments) -> None:
    (schedule,) = deployments.new(schedules=[{"schedule": HOURLY, "max_scheduled_runs": 50}])[
        "schedules"
    ]

    assert schedule["max_scheduled_runs"] == 50


def test_two_schedules_of_one_slug_are_a_conflict(deployments: Deployments) -> None:
    twice = [{"schedule": HOURLY, "slug": "s"}, {"schedule": DAILY, "slug": "s"}]
    body = deployments.body(schedules=twice)

    answer = deployments.application.post("/deployments/", body)

    assert answer.status_code == 409
    assert answer.json() == {"detail": "Schedule slugs must be unique within a deployment."}
    assert (
        deployments.application.post(
            "/deployments/count", {"deployments": {"name": {"any_": [body["name"]]}}}
        ).json()
        == 0
    )


def test_schedules_without_slugs_may_be_alike(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY}] * 2)

    assert len({schedule["id"] for schedule in made["schedules"]}) == 2
    again = deployments.again(made, schedules=[{"schedule": HOURLY}])
    assert len(again["schedules"]) == 1


def test_the_name_may_be_that_of_a_deployment_of_another_flow(deployments: Deployments) -> None:
    first = deployments.new(name="same")
    second = deployments.new(name="same")

    assert first["id"] != second["id"]


def test_a_schedule_without_an_anchor_is_anchored_at_its_making(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": {"interval": 60}}])

    assert made["schedules"][0]["schedule"] == {
        "interval": 60.0,
        "anchor_date": made["created"],
        "timezone": "UTC",
    }


def test_a_rule_without_a_start_is_given_one(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": {"rrule": "FREQ=DAILY"}}])

    assert made["schedules"][0]["schedule"] == {
        "rrule": "DTSTART:20200101T000000\nFREQ=DAILY",
        "timezone": "UTC",
    }
