"""Deployments that several clients work on at the same time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from tests.api.objects import made, new_flow
from tests.crowd import together

MANY = 6


@pytest.fixture
def body(api: httpx.Client) -> dict[str, Any]:
    return {"name": "d", "flow_id": new_flow(api)["id"]}


def test_one_that_many_make_is_made_once(api: httpx.Client, body: dict[str, Any]) -> None:
    schedules = [{"schedule": {"cron": "0 * * * *"}, "slug": "s"}]
    given = {**body, "schedules": schedules, "concurrency_limit": 2, "work_queue_name": "q"}

    answers = together(*[lambda: api.post("/deployments/", json=given)] * MANY)

    assert sorted(answer.status_code for answer in answers) == [*[200] * (MANY - 1), 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    (schedule,) = answers[0].json()["schedules"]
    assert {answer.json()["schedules"][0]["id"] for answer in answers} == {schedule["id"]}


def test_schedules_that_many_replace_are_those_of_one_of_them(
    api: httpx.Client, body: dict[str, Any]
) -> None:
    id = made(api, "/deployments/", body)["id"]

    def replacing(number: int) -> Callable[[], httpx.Response]:
        schedules = [{"schedule": {"cron": f"{number} {hour} * * *"}} for hour in range(3)]
        return lambda: api.patch(f"/deployments/{id}", json={"schedules": schedules})

    answers = together(*[replacing(number) for number in range(MANY)])

    assert {answer.status_code for answer in answers} == {204}
    crons = [each["schedule"]["cron"] for each in api.get(f"/deployments/{id}/schedules").json()]
    assert len(crons) == 3
    assert len({cron.split()[0] for cron in crons}) == 1


def test_schedules_that_many_add_are_all_there(api: httpx.Client, body: dict[str, Any]) -> None:
    id = made(api, "/deployments/", body)["id"]

    def adding(slug: str) -> Callable[[], httpx.Response]:
        given = [{"schedule": {"cron": "0 * * * *"}, "slug": slug}]
        return lambda: api.post(f"/deployments/{id}/schedules", json=given)

    answers = together(*[adding(str(number // 2)) for number in range(MANY)])

    half = MANY // 2
    assert sorted(answer.status_code for answer in answers) == [*[201] * half, *[409] * half]
    slugs = [each["slug"] for each in api.get(f"/deployments/{id}/schedules").json()]
    assert sorted(slugs) == [str(number) for number in range(half)]


def test_a_change_is_checked_against_what_another_has_made_of_it(
    api: httpx.Client, body: dict[str, Any]
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    for number in range(MANY):
        given = {**body, "name": str(number), "parameter_openapi_schema": {}}
        path = f"/deployments/{made(api, '/deployments/', given)['id']}"

        answers = together(
            partial(api.patch, path, json={"parameters": {"n": "x"}}),
            partial(api.patch, path, json={"parameter_openapi_schema": schema}),
        )

        assert sorted(answer.status_code for answer in answers) == [204, 409]


def test_one_that_is_deleted_and_made_again_at_once_leads_to_no_error(
    api: httpx.Client, body: dict[str, Any]
) -> None:
    id = made(api, "/deployments/", {**body, "concurrency_limit": 1})["id"]

    answers = together(
        lambda: api.delete(f"/deployments/{id}"),
        lambda: api.post("/deployments/", json={**body, "concurrency_limit": 2}),
        lambda: api.patch(f"/deployments/{id}", json={"concurrency_limit": 3}),
        lambda: api.post(f"/deployments/{id}/pause_deployment"),
    )

    assert answers[0].status_code == 204
    assert answers[1].status_code in (200, 201)
    assert answers[2].status_code in (204, 404)
    assert answers[3].status_code in (200, 404)
