"""Schedules have runs ahead: enough of them, none twice."""

from __future__ import annotations

import json
import logging

import pytest
from sqlalchemy import delete, func, select, update

from ephemeral_server.clock import SECOND, isoformat
from ephemeral_server.database.tables import (
    deployment,
    deployment_schedule,
    flow_run,
    flow_run_state,
)
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.planned import ask_for_plan
from ephemeral_server.deployments.planning import plan
from ephemeral_server.services import scheduler
from ephemeral_server.services.changed_deployments import ChangedDeployments
from ephemeral_server.services.scheduler import Scheduled
from tests.services.planning import DAY, HOUR, MINUTE, MONDAY, NEVER, Planning, cron, every


@pytest.mark.parametrize(
    ("interval", "count"),
    [(DAY, 3), (HOUR, 3), (30 * MINUTE, 3), (10 * MINUTE, 7), (5 * MINUTE, 13), (10, 100)],
)
def test_a_schedule_has_three_runs_ahead_and_as_many_as_an_hour_takes(
    planning: Planning, interval: int, count: int
) -> None:
    id = planning.deployment(every(interval))
    assert planning.scheduler() == Scheduled(deployments=1, runs=count)
    assert planning.dates(id) == [n * interval for n in range(count)]


def test_an_hour_that_begins_between_two_dates_ends_after_one(planning: Planning) -> None:
    id = planning.deployment(every(10 * MINUTE))
    planning.at(1)
    planning.scheduler()
    assert planning.dates(id) == [n * 10 * MINUTE for n in range(1, 8)]


def test_nothing_is_planned_for_more_than_a_hundred_days_ahead(planning: Planning) -> None:
    id = planning.deployment(every(50 * DAY))
    planning.deployment(every(101 * DAY, "2026-03-01T01:00:00Z"))
    assert planning.scheduler() == Scheduled(deployments=2, runs=3)
    assert planning.dates(id) == [0, 50 * DAY, 100 * DAY]


def test_how_far_ahead_is_a_matter_of_settings(planning: Planning) -> None:
    planning.settings = planning.settings.replace(
        scheduler_min_runs=1,
        scheduler_max_runs=5,
        scheduler_min_scheduled_seconds=600.0,
        scheduler_max_scheduled_seconds=3600.0,
    )
    often, seldom = planning.deployment(every(60)), planning.deployment(every(500))
    never = planning.deployment(every(DAY, "2026-03-01T12:00:00Z"))
    planning.scheduler()
    assert planning.dates(often) == [0, 60, 120, 180, 240]
    assert planning.dates(seldom) == [0, 500, 1000]
    assert planning.dates(never) == []


def test_the_next_run_is_planned_when_one_has_come(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    planning.scheduler()
    assert planning.scheduler() == Scheduled()
    planning.at(0.000001)
    assert planning.scheduler() == Scheduled(deployments=1, runs=1)
    assert planning.dates(id) == [0, HOUR, 2 * HOUR, 3 * HOUR]


def test_a_run_is_made_of_its_deployment_and_its_schedule(planning: Planning) -> None:
    deployment_id = planning.deployment(
        version="7",
        tags=("nightly",),
        labels='{"team":"data"}',
        parameters='{"size":1,"name":"x"}',
        job_variables='{"cpu":2}',
        work_queue_name="somewhere",
    )
    schedule_id = planning.schedule(
        deployment_id, every(DAY), parameters='{"size":2}', slug="by-day"
    )
    planning.scheduler()

    run = planning.application.get(f"/flow_runs/{planning.runs_of(deployment_id)[1].id}").json()

    date, now = isoformat((MONDAY + DAY) * SECOND), isoformat(MONDAY * SECOND)
    state = run.pop("state")
    assert {run.pop(name) for name in ("estimated_start_time_delta", "estimated_run_time")} == {0}
    assert run.pop("name")
    assert run.pop("state_id") == state.pop("id")
    flow_id = planning.runs.flow_id
    assert run == {
        "id": run["id"],
        "created": now,
        "updated": now,
        "flow_id": flow_id,
        "deployment_id": deployment_id,
        "deployment_version": "7",
        "work_queue_id": None,
        "work_queue_name": "somewhere",
        "work_pool_id": None,
        "work_pool_name": None,
        "flow_version": None,
        "parameters": {"size": 2, "name": "x"},
        "idempotency_key": f"scheduled {deployment_id} {schedule_id} 2026-03-03 00:00:00+00:00",
        "context": {},
        "empirical_policy": {
            "max_retries": 0,
            "retry_delay_seconds": 0.0,
            "retries": None,
            "retry_delay": None,
            "pause_keys": [],
            "resuming": False,
            "retry_type": None,
        },
        "tags": ["auto-scheduled", "nightly"],
        "labels": {
            "prefect.flow.id": flow_id,
            "prefect.deployment.id": deployment_id,
            "team": "data",
        },
        "parent_task_run_id": None,
        "state_type": "SCHEDULED",
        "state_name": "Scheduled",
        "run_count": 0,
        "expected_start_time": date,
        "next_scheduled_start_time": date,
        "start_time": None,
        "end_time": None,
        "total_run_time": 0,
        "auto_scheduled": True,
        "infrastructure_document_id": None,
        "infrastructure_pid": None,
        "created_by": {"id": schedule_id, "type": "SCHEDULE", "display_value": "by-day"},
        "job_variables": {},
    }
    details = state.pop("state_details")
    assert state == {
        "type": "SCHEDULED",
        "name": "Scheduled",
        "timestamp": now,
        "message": "Flow run scheduled",
        "data": None,
    }
    assert details["scheduled_time"] == date
    assert details["flow_run_id"] is None


@pytest.mark.parametrize(
    ("schedule", "kind"),
    [
        (every(DAY), "IntervalSchedule"),
        (cron("0 0 * * *"), "CronSchedule"),
        ('{"rrule":"DTSTART:20260101T000000\\nFREQ=DAILY","timezone":"UTC"}', "RRuleSchedule"),
    ],
)
def test_a_schedule_without_a_slug_is_called_by_its_kind(
    planning: Planning, schedule: str, kind: str
) -> None:
    id = planning.deployment(schedule)
    planning.scheduler()
    assert json.loads(planning.runs_of(id)[0].created_by)["display_value"] == kind


def test_a_date_is_known_by_its_instant_in_utc_and_not_by_its_zone(planning: Planning) -> None:
    deployment_id = planning.deployment()
    id = planning.schedule(deployment_id, cron("0 9 * * *", "America/New_York"))
    planning.scheduler()
    keys = [run.idempotency_key for run in planning.runs_of(id)]
    assert keys[0] == f"scheduled {deployment_id} {id} 2026-03-02 14:00:00+00:00"

    def work(tx: Transaction) -> None:
        same = cron("0 9 * * *", "America/Toronto")
        which = update(deployment_schedule).where(deployment_schedule.c.id == id)
        tx.connection.execute(which.values(schedule=same))

    planning.application.write(work)
    planning.change(deployment_id)
    assert planning.changed_deployments().runs == 0
    assert [run.idempotency_key for run in planning.runs_of(id)] == keys


def test_nobody_is_told_of_planned_runs(planning: Planning) -> None:
    planning.deployment(every(HOUR))
    planning.application.events.clear()
    planning.scheduler()
    assert planning.application.events == []


def test_the_deployment_counts_as_unchanged(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    before = planning.row(id)
    planning.at(1)
    planning.scheduler()
    assert planning.row(id) == before


def test_what_is_paused_or_not_active_plans_nothing(planning: Planning) -> None:
    planning.deployment(every(HOUR), paused=True)
    planning.schedule(planning.deployment(), every(HOUR), active=False)
    planning.deployment()
    assert planning.scheduler() == Scheduled()


def test_each_schedule_of_a_deployment_has_its_runs(planning: Planning) -> None:
    deployment_id = planning.deployment()
    hourly = planning.schedule(deployment_id, every(HOUR))
    daily = planning.schedule(deployment_id, every(DAY))
    planning.schedule(deployment_id, every(DAY), active=False)
    assert planning.scheduler() == Scheduled(deployments=1, runs=6)
    assert planning.dates(hourly) == [0, HOUR, 2 * HOUR]
    assert planning.dates(daily) == [0, DAY, 2 * DAY]
    planning.at(1)
    planning.scheduler()
    assert planning.dates(daily) == [0, DAY, 2 * DAY, 3 * DAY]


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_schedule_may_bound_how_many_runs_it_has_ahead(planning: Planning, most: int) -> None:
    id = planning.schedule(planning.deployment(), every(10 * MINUTE), max_scheduled_runs=most)
    for hour in range(4):
        planning.at(hour * HOUR)
        assert planning.scheduler() == Scheduled(deployments=1, runs=most)
        assert planning.scheduler() == Scheduled()
        ahead = [date for date in planning.dates(id) if date >= planning.now]
        assert ahead == [hour * HOUR + n * 10 * MINUTE for n in range(most)]


@pytest.mark.parametrize("type", ["PENDING", "RUNNING", "COMPLETED", "CANCELLED", "SCHEDULED"])
def test_a_run_that_has_left_its_schedule_is_not_planned_again(
    planning: Planning, type: str
) -> None:
    id = planning.deployment(every(HOUR))
    planning.at(1)
    planning.scheduler()
    first = planning.runs_of(id)[0]
    body = {"state": {"type": type}, "force": True}
    assert planning.application.post(f"/flow_runs/{first.id}/set_state", body).status_code == 201
    planning.scheduler()
    keys = [run.idempotency_key for run in planning.runs_of(id)]
    assert len(keys) == len(set(keys)) == 3


def test_a_planned_run_that_was_deleted_is_planned_again(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    planning.scheduler()
    planning.application.delete(f"/flow_runs/{planning.runs_of(id)[1].id}")
    assert planning.scheduler() == Scheduled(deployments=1, runs=1)
    assert planning.dates(id) == [0, HOUR, 2 * HOUR]


def test_only_new_runs_get_a_state(planning: Planning) -> None:
    planning.deployment(every(HOUR))
    planning.scheduler()
    planning.at(1)
    planning.scheduler()
    query = select(func.count()).select_from(flow_run_state)
    of_runs = query.join(flow_run, flow_run.c.id == flow_run_state.c.flow_run_id)
    assert planning.application.read(lambda connection: connection.scalar(of_runs)) == 4


def test_a_schedule_without_dates_stops_no_other(
    planning: Planning, caplog: pytest.LogCaptureFixture
) -> None:
    deployment_id = planning.deployment()
    schedules = [NEVER, "{}", '{"interval":"x","anchor_date":1,"timezone":7}']
    bad = [planning.schedule(deployment_id, schedule) for schedule in schedules]
    good = planning.schedule(deployment_id, every(HOUR))
    other = planning.deployment(every(HOUR))

    with caplog.at_level(logging.WARNING, "ephemeral_server.services.scheduler"):
        assert planning.scheduler() == Scheduled(deployments=2, runs=6)

    assert planning.dates(good) == planning.dates(other) == [0, HOUR, 2 * HOUR]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3
    for id in bad:
        assert sum(f"Schedule {id} of deployment {deployment_id}: " in text for text in told) == 1


def test_a_deployment_that_fails_stops_no_other(
    planning: Planning, caplog: pytest.LogCaptureFixture
) -> None:
    good = [planning.deployment(every(HOUR)) for _ in range(2)]
    broken = planning.deployment(every(HOUR), parameters="no JSON")

    with caplog.at_level(logging.ERROR, "ephemeral_server.services.duties"):
        assert planning.scheduler() == Scheduled(deployments=2, runs=6)

    assert [planning.dates(id) for id in (*good, broken)] == [[0, HOUR, 2 * HOUR]] * 2 + [[]]
    [record] = caplog.records
    assert broken in record.getMessage()


@pytest.mark.parametrize(("page", "batch"), [(1, 500), (3, 1), (3, 7), (100, 9)])
def test_any_size_of_batches_gets_through_all_deployments(
    planning: Planning, monkeypatch: pytest.MonkeyPatch, page: int, batch: int
) -> None:
    planning.settings = planning.settings.replace(
        scheduler_deployment_batch_size=page, scheduler_insert_batch_size=batch
    )
    sizes: list[int] = []

    def counted(tx, ids, calendar):  # type: ignore[no-untyped-def]
        plans = plan(tx, ids, calendar)
        sizes.append(plans.runs)
        return plans

    monkeypatch.setattr(scheduler, "plan", counted)
    ids = [planning.deployment(every(HOUR)) for _ in range(10)]
    assert planning.scheduler() == Scheduled(deployments=10, runs=30)
    assert all(planning.dates(id) == [0, HOUR, 2 * HOUR] for id in ids)
    assert max(sizes) <= max(batch, 3)
    assert planning.scheduler() == Scheduled()


def test_runs_that_others_made_do_not_count(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    for _ in range(5):
        planning.runs.flow_run(
            "SCHEDULED", state_scheduled_time=planning.runs.now(DAY), deployment_id=id
        )
    assert planning.scheduler() == Scheduled(deployments=1, runs=3)


def test_a_deployment_that_is_deleted_meanwhile_gets_no_runs(planning: Planning) -> None:
    id, other = planning.deployment(every(HOUR)), planning.deployment(every(HOUR))

    def drop(tx: Transaction) -> None:
        tx.connection.execute(delete(deployment).where(deployment.c.id == id))

    planning.meanwhile(drop)
    assert planning.scheduler() == Scheduled(deployments=1, runs=3)
    assert planning.dates(id) == []
    assert planning.dates(other) == [0, HOUR, 2 * HOUR]


def test_a_deployment_that_is_paused_meanwhile_gets_no_runs(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))

    def pause(tx: Transaction) -> None:
        tx.connection.execute(update(deployment).values(paused=True))

    planning.meanwhile(pause)
    assert planning.scheduler().runs == 0
    assert planning.dates(id) == []


def test_a_schedule_that_is_changed_meanwhile_plans_nothing_of_the_past(
    planning: Planning,
) -> None:
    id = planning.deployment(every(HOUR))

    def change(tx: Transaction) -> None:
        tx.connection.execute(update(deployment_schedule).values(schedule=every(DAY)))
        ask_for_plan(tx, id)

    planning.meanwhile(change)
    assert planning.scheduler() == Scheduled()
    assert planning.row(id).to_be_planned
    assert planning.changed_deployments() == ChangedDeployments(deployments=1, runs=3)
    assert planning.dates(id) == [0, DAY, 2 * DAY]
