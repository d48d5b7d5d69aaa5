"""Users may let a deployment's schedules plan runs, for any time."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.clock import SECOND, isoformat
from tests.api.objects import NOBODY
from tests.application import Application
from tests.orchestration.runs import Runs
from tests.services.planning import DAY, HOUR, MINUTE, MONDAY, NEVER, Planning, every


@pytest.fixture
def planning(runs: Runs) -> Planning:
    return Planning(runs)


def at(seconds: float) -> str:
    return isoformat(round((MONDAY + seconds) * SECOND))


def plan(planning: Planning, id: str, body: Any = None) -> None:
    answer = planning.application.post(f"/deployments/{id}/schedule", body)
    assert (answer.status_code, answer.text) == (200, "null"), answer.text


@pytest.mark.parametrize("body", [None, {}, {"min_runs": None, "start_time": None, "other": 1}])
def test_without_more_it_plans_as_the_scheduler_does(planning: Planning, body: Any) -> None:
    id = planning.deployment(every(10 * MINUTE))
    plan(planning, id, body)
    assert planning.dates(id) == [n * 10 * MINUTE for n in range(7)]
    assert planning.scheduler().runs == 0


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"min_runs": 5}, 5),
        ({"max_runs": 2}, 2),
        ({"max_runs": 0}, 0),
        ({"max_runs": -1}, 0),
        ({"min_runs": 0}, 2),
        ({"min_runs": -1}, 2),
        ({"min_time": 36_000}, 11),
        ({"min_time": -5}, 3),
        ({"min_time": 0, "min_runs": 1}, 1),
        ({"end_time": at(1)}, 1),
        ({"min_runs": 5000, "max_runs": 5000}, 1000),
    ],
)
def test_how_many_are_planned_can_be_said(
    planning: Planning, body: dict[str, Any], count: int
) -> None:
    id = planning.deployment(every(HOUR))
    plan(planning, id, body)
    assert planning.dates(id) == [n * HOUR for n in range(count)]


def test_runs_of_the_past_can_be_planned(planning: Planning) -> None:
    id = planning.deployment(every(DAY))
    start = at(-3 * DAY).replace("T", " ").replace("Z", "+00:00")
    plan(planning, id, {"start_time": start, "end_time": at(-DAY), "min_runs": 50})
    assert planning.dates(id) == [-3 * DAY, -2 * DAY, -DAY]


def test_what_is_there_is_not_planned_again(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    planning.scheduler()
    plan(planning, id, {"min_runs": 5})
    plan(planning, id, {"min_runs": 5})
    assert planning.dates(id) == [n * HOUR for n in range(5)]


def test_a_paused_deployment_plans_as_well(planning: Planning) -> None:
    id = planning.deployment(every(HOUR), paused=True)
    plan(planning, id)
    assert len(planning.dates(id)) == 3


def test_a_schedule_that_is_not_active_does_not(planning: Planning) -> None:
    id = planning.deployment()
    planning.schedule(id, every(HOUR), active=False)
    plan(planning, id)
    assert planning.dates(id) == []


def test_what_a_schedule_may_plan_by_itself_is_no_bound(planning: Planning) -> None:
    deployment_id = planning.deployment()
    planning.schedule(deployment_id, every(HOUR), max_scheduled_runs=1)
    plan(planning, deployment_id)
    assert planning.dates(deployment_id) == [0, HOUR, 2 * HOUR]


def test_the_scheduler_still_looks_at_what_was_changed(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    planning.change(id)
    plan(planning, id, {"max_runs": 1})
    assert planning.changed_deployments().runs == 2


def test_a_deployment_without_schedules_and_one_that_is_not_there_plan_nothing(
    planning: Planning,
) -> None:
    plan(planning, planning.deployment())
    plan(planning, NOBODY)
    assert planning.application.post("/deployments/x/schedule", {}).status_code == 404


def test_a_schedule_that_fails_is_told_and_nothing_is_planned(planning: Planning) -> None:
    id = planning.deployment(every(HOUR), NEVER)
    answer = planning.application.post(f"/deployments/{id}/schedule", {})
    assert answer.status_code == 409
    assert answer.json()["detail"].endswith("the cron expression '0 0 31 2 *' never fires")
    assert planning.dates(id) == []


@pytest.mark.parametrize(
    "body",
    [
        {"start_time": "9999-12-31T22:00:00Z"},
        {"start_time": "0001-01-01T00:00:00Z"},
        {"end_time": "0001-01-01T00:00:00Z"},
        {"start_time": at(0), "end_time": at(-1)},
        {"min_time": 1e300},
        {"min_time": -1e300},
        {"min_runs": 2**62, "max_runs": 2**62},
        {"start_time": 5},
    ],
)
def test_no_odd_window_fails(planning: Planning, body: dict[str, Any]) -> None:
    plan(planning, planning.deployment(every(DAY)), body)


@pytest.mark.parametrize(
    "body", [{"min_time": "PT4H"}, {"min_runs": "x"}, {"min_runs": 2**70}, {"start_time": "x"}, []]
)
def test_what_makes_no_sense_is_refused(application: Application, body: Any) -> None:
    answer = application.post(f"/deployments/{NOBODY}/schedule", body)
    assert answer.status_code == 422
    assert answer.json()["exception_message"] == "Invalid request received."
