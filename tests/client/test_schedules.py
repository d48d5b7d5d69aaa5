"""Runs that the server plans, as the real client sees them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from prefect import flow
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.schedules import Interval

from ephemeral_server import EphemeralServer
from tests.client.deploying import deploy
from tests.client.history import History
from tests.client.polling import eventually
from tests.client.traffic import Traffic, recorded_server

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def server(traffic: Traffic) -> Iterator[EphemeralServer]:
    """A server that plans runs."""
    with recorded_server(traffic, services=True) as running:
        yield running


@flow
def greets(name: str = "nobody") -> str:
    return name


def planned(history: History) -> list[FlowRun]:
    """The runs there are, which are planned."""
    runs = history.client.read_flow_runs()
    assert all(run.auto_scheduled for run in runs)
    return runs


def test_a_schedule_plans_runs_with_all_that_belongs_to_them(history: History) -> None:
    daily = Interval(86400, anchor_date=NOON, slug="daily", parameters={"name": "bob"})
    made = deploy(greets, schedules=[daily], tags=["deployed"], version="7")
    runs = eventually(lambda: planned(history))
    assert len(runs) == 3
    for run in runs:
        assert (run.deployment_id, run.deployment_version) == (made, "7")
        assert (run.parameters, run.state_name) == ({"name": "bob"}, "Scheduled")
        assert sorted(run.tags) == ["auto-scheduled", "deployed"]
        assert run.created_by is not None
        assert (run.created_by.type, run.created_by.display_value) == ("SCHEDULE", "daily")
    times = sorted(run.expected_start_time for run in runs if run.expected_start_time)
    assert [time.hour for time in times] == [12] * 3
    assert [(time - times[0]).days for time in times] == [0, 1, 2]
    soon = history.client.get_scheduled_flow_runs_for_deployments([made], scheduled_before=times[1])
    assert [run.next_scheduled_start_time for run in soon] == times[:2]


def test_a_deployment_that_is_paused_has_no_planned_runs_until_it_goes_on(history: History) -> None:
    made = deploy(greets, interval=3600)
    first = eventually(lambda: planned(history))
    history.client.pause_deployment(made)
    assert history.client.read_deployment(made).paused
    assert planned(history) == []
    history.client.resume_deployment(made)
    assert not history.client.read_deployment(made).paused
    again = eventually(lambda: planned(history))
    assert len(again) == len(first)


def test_a_schedule_that_is_changed_plans_its_runs_anew(history: History) -> None:
    made = deploy(greets, interval=3600)
    before = {run.id for run in eventually(lambda: planned(history))}
    (schedule,) = history.client.read_deployment_schedules(made)
    daily = IntervalSchedule(interval=timedelta(days=1), anchor_date=NOON)
    history.client.update_deployment_schedule(made, schedule.id, schedule=daily)

    def anew() -> list[FlowRun]:
        return [run for run in planned(history) if run.id not in before]

    runs = eventually(anew)
    assert {run.expected_start_time.hour for run in runs if run.expected_start_time} == {12}
    assert len(planned(history)) == len(runs)


def test_a_schedule_that_is_paused_has_no_planned_runs(history: History) -> None:
    made = deploy(greets, schedules=[Interval(3600, slug="a"), Interval(7200, slug="b")])
    eventually(lambda: planned(history))
    for schedule in history.client.read_deployment_schedules(made):
        history.client.update_deployment_schedule(made, schedule.id, active=False)
    assert planned(history) == []
