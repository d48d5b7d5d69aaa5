"""How SQLite finds what the scheduler and runners look for: in indexes that hold few of all runs.

A plan is the same whatever the tables hold: SQLite has no statistics here.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ephemeral_server.settings import Settings
from tests.application import Application
from tests.leaks import LeakGuard
from tests.orchestration.runs import Runs
from tests.plans import plans_during, plans_of
from tests.services.planning import HOUR, Planning, every


@pytest.fixture(scope="module")
def on_sqlite(
    tmp_path_factory: pytest.TempPathFactory, leak_guard: LeakGuard
) -> Iterator[Application]:
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('plans') / 'server.db'}"
    with leak_guard.adopt():
        application = Application(Settings(database_url=url, ephemeral=True))
        with application.running():
            yield application


@pytest.fixture
def planning(on_sqlite: Application) -> Planning:
    return Planning(Runs(on_sqlite))


def of_runs(plan: list[str]) -> list[str]:
    """How runs are found, but for those whose ids are known."""
    lines = [line.strip() for line in plan if " flow_run " in line]
    return [line for line in lines if "sqlite_autoindex_flow_run_1" not in line]


@pytest.mark.parametrize("deployments", [1, 5, 1000])
@pytest.mark.parametrize("body", [{}, {"scheduled_before": "2026-03-02 00:00:10+00:00"}])
def test_a_runner_finds_the_scheduled_runs_of_its_deployments(
    planning: Planning, deployments: int, body: dict[str, str]
) -> None:
    named = {"deployment_ids": [f"{n:032x}" for n in range(deployments)]}
    statement, _ = plans_of(
        planning.application, "/deployments/get_scheduled_flow_runs", {**named, **body}
    )
    [found] = of_runs(statement.plan)
    assert found.startswith("SEARCH flow_run USING INDEX ix_flow_run_scheduled_deployment_id (d")
    assert ("next_scheduled_start_time<?" in found) == ("scheduled_before" in body)


@pytest.mark.parametrize("deployments", [1, 5, 300])
def test_the_scheduler_finds_the_runs_that_schedules_have_ahead(
    planning: Planning, deployments: int
) -> None:
    planning.settings = planning.settings.replace(
        scheduler_deployment_batch_size=1000, scheduler_insert_batch_size=1000
    )
    for _ in range(deployments):
        planning.deployment(every(HOUR))
    plans = plans_during(planning.application, planning.scheduler, writing=True)
    lines = [line for statement in plans for line in of_runs(statement.plan)]
    index = "INDEX ix_flow_run_scheduled_schedule_id (schedule_id=? AND next_scheduled_start_time>?"
    assert len(lines) == 2
    assert all(index in line for line in lines)


def test_what_is_to_be_planned_is_found_without_a_look_at_the_rest(planning: Planning) -> None:
    planning.change(planning.deployment(every(HOUR)))
    first, *_ = plans_during(planning.application, planning.changed_deployments)
    assert "ix_deployment_to_be_planned" in first.plan[0]
