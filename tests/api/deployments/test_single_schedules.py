"""Schedules of a deployment, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.deployments.schedule_schemas import DeploymentSchedule
from tests.api.deployments.conftest import DAILY, HOURLY, Deployments
from tests.api.objects import NOBODY
from tests.api.shapes import assert_shape


def path(of: dict[str, Any], schedule: str = "") -> str:
    return f"/deployments/{of['id']}/schedules" + (f"/{schedule}" if schedule else "")


def test_new_ones_are_answered_in_the_order_given(deployments: Deployments) -> None:
    made = deployments.new()
    given = [
        {"schedule": HOURLY, "slug": "b", "active": False, "max_scheduled_runs": 3},
        {"schedule": DAILY, "slug": "a", "parameters": {"x": 1}, "replaces": "nothing"},
    ]

    answer = deployments.application.post(path(made), given)

    assert answer.status_code == 201
    assert_shape(list[DeploymentSchedule], answer.json())
    assert [each["slug"] for each in answer.json()] == ["b", "a"]
    assert [each["max_scheduled_runs"] for each in answer.json()] == [3, None]
    assert deployments.read(made["id"])["schedules"] == answer.json()[::-1]


def test_they_are_read_with_the_one_last_changed_first(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY, "slug": str(n)} for n in range(3)])
    assert [each["slug"] for each in made["schedules"]] == ["2", "1", "0"]
    deployments.application.clock.advance(1)
    deployments.application.patch(path(made, made["schedules"][1]["id"]), {})

    answer = deployments.application.get(path(made))

    assert answer.status_code == 200
    assert [each["slug"] for each in answer.json()] == ["1", "2", "0"]
    assert answer.json() == deployments.read(made["id"])["schedules"]


def test_a_deployment_may_have_none(deployments: Deployments) -> None:
    made = deployments.new()

    assert deployments.application.get(path(made)).json() == []
    answer = deployments.application.post(path(made), [])
    assert (answer.status_code, answer.json()) == (201, [])


@pytest.mark.parametrize(
    "given",
    [
        {"active": False},
        {"parameters": {"y": 2}},
        {"parameters": {}},
        {"slug": "t"},
        {"max_scheduled_runs": 9},
        {"schedule": {"cron": "5 * * * *", "timezone": "Europe/Oslo", "day_or": False}},
        {},
    ],
)
def test_what_is_given_is_changed_and_the_rest_stays(
    deployments: Deployments, given: dict[str, Any]
) -> None:
    own = {"schedule": HOURLY, "slug": "s", "parameters": {"x": 1}, "max_scheduled_runs": 2}
    made = deployments.new(schedules=[own])
    (before,) = made["schedules"]
    deployments.application.clock.advance(1)

    answer = deployments.application.patch(path(made, before["id"]), given)

    assert (answer.status_code, answer.content) == (204, b"")
    after = deployments.read(made["id"])
    (schedule,) = after["schedules"]
    assert schedule.pop("updated") > before.pop("updated")
    assert schedule == {**before, **given}
    assert after["updated"] == made["updated"]


def test_nulls_change_nothing(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY, "slug": "s", "max_scheduled_runs": 2}])
    (before,) = made["schedules"]
    nulls = dict.fromkeys(("active", "schedule", "max_scheduled_runs", "slug", "replaces"))

    assert deployments.application.patch(path(made, before["id"]), nulls).status_code == 204

    assert deployments.read(made["id"])["schedules"] == [before]


def test_a_slug_that_another_has_is_a_conflict(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY, "slug": slug} for slug in "ab"])
    id = made["schedules"][0]["id"]
    detail = {"detail": "Schedule slugs must be unique within a deployment."}

    changed = deployments.application.patch(path(made, id), {"slug": "a"})
    added = deployments.application.post(path(made), [{"schedule": HOURLY, "slug": "a"}])

    for answer in (changed, added):
        assert (answer.status_code, answer.json()) == (409, detail)
    assert deployments.read(made["id"]) == made


def test_one_is_deleted(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY}, {"schedule": DAILY}])
    first, second = made["schedules"]

    answer = deployments.application.delete(path(made, first["id"]))

    assert (answer.status_code, answer.content) == (204, b"")
    assert deployments.read(made["id"]) == {**made, "schedules": [second]}


def test_what_is_not_there_is_not_found(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY}])
    other = deployments.new()
    own = made["schedules"][0]["id"]
    application = deployments.application
    nobody = {"id": NOBODY}

    for answer in (
        application.get(path(nobody)),
        application.post(path(nobody), [{"schedule": HOURLY}]),
        application.post(path(nobody), []),
        application.patch(path(nobody, own), {}),
        application.delete(path(nobody, own)),
    ):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Deployment not found."})
    for answer in (
        application.patch(path(made, NOBODY), {}),
        application.delete(path(made, NOBODY)),
        application.patch(path(other, own), {"active": False}),
        application.delete(path(other, own)),
    ):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Schedule not found."})
    assert deployments.read(made["id"]) == made


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"schedule": {}}, ["schedule"]),
        ({"schedule": HOURLY, "max_scheduled_runs": 51}, ["max_scheduled_runs"]),
        ({"schedule": HOURLY, "parameters": None}, ["parameters"]),
        ({"schedule": HOURLY, "slug": "nul\x00"}, ["slug"]),
        ({"schedule": HOURLY, "id": NOBODY}, ["id"]),
    ],
)
def test_what_cannot_be_used_is_refused(
    deployments: Deployments, given: dict[str, Any], place: list[Any]
) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY}])
    id = made["schedules"][0]["id"]

    changed = deployments.application.patch(path(made, id), given)
    added = deployments.application.post(path(made), [given])

    for answer, way in ((changed, place), (added, [0, *place])):
        assert answer.status_code == 422
        loc = answer.json()["exception_detail"][0]["loc"]
        assert loc[: len(way) + 1] == ["body", *way]
    assert deployments.read(made["id"]) == made


def test_changes_ask_for_a_plan(deployments: Deployments) -> None:
    made = deployments.new()
    deployments.is_to_be_planned(made["id"])

    added = deployments.application.post(path(made), [{"schedule": HOURLY}]).json()
    assert deployments.is_to_be_planned(made["id"])
    deployments.application.patch(path(made, added[0]["id"]), {"active": False})
    assert deployments.is_to_be_planned(made["id"])
    deployments.application.patch(path(made, added[0]["id"]), {"active": False})
    assert not deployments.is_to_be_planned(made["id"])
    deployments.application.delete(path(made, added[0]["id"]))
    assert deployments.is_to_be_planned(made["id"])


def test_nothing_is_told_of_them(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY}])
    before = len(deployments.events(made["id"]))
    id = made["schedules"][0]["id"]

    deployments.application.post(path(made), [{"schedule": HOURLY}])
    deployments.application.patch(path(made, id), {"active": False})
    deployments.application.delete(path(made, id))

    assert len(deployments.events(made["id"])) == before
