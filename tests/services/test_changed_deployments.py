"""A deployment that is new or changed has its runs at once."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import delete, func, insert, select, update

from ephemeral_server.database.tables import deployment, deployment_schedule, flow, flow_run
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.planned import TO_BE_PLANNED, ask_for_plan
from ephemeral_server.ids import new_id
from ephemeral_server.runtime import Runtime
from ephemeral_server.services.changed_deployments import ChangedDeployments
from ephemeral_server.services.registry import find_service
from ephemeral_server.settings import Settings
from tests.rows import filled
from tests.services.planning import DAY, HOUR, NEVER, Planning, every


def test_only_what_was_changed_is_looked_at(planning: Planning) -> None:
    changed, other = planning.deployment(every(HOUR)), planning.deployment(every(HOUR))
    planning.change(changed)
    assert planning.changed_deployments() == ChangedDeployments(deployments=1, runs=3)
    assert planning.dates(changed) == [0, HOUR, 2 * HOUR]
    assert planning.dates(other) == []
    assert planning.changed_deployments() == ChangedDeployments()


def test_a_schedule_is_added_to_one_that_has_its_runs(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    planning.scheduler()
    daily = planning.schedule(id, every(DAY))
    planning.change(id)
    assert planning.changed_deployments() == ChangedDeployments(deployments=1, runs=3)
    assert planning.dates(daily) == [0, DAY, 2 * DAY]


def test_one_that_can_have_no_runs_is_looked_at_once(planning: Planning) -> None:
    paused = planning.deployment(every(HOUR), paused=True)
    for id in (paused, planning.deployment(), planning.deployment(NEVER)):
        planning.change(id)
    assert planning.changed_deployments() == ChangedDeployments(deployments=3)
    assert planning.changed_deployments() == ChangedDeployments()
    assert planning.dates(paused) == []
    planning.change(paused, paused=False)
    assert planning.changed_deployments() == ChangedDeployments(deployments=1, runs=3)


def test_the_scheduler_looks_after_it_too(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    planning.change(id)
    planning.scheduler()
    assert not planning.row(id).to_be_planned
    assert planning.changed_deployments() == ChangedDeployments()


def test_one_that_is_changed_meanwhile_is_looked_at_again(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    planning.change(id)

    def change(tx: Transaction) -> None:
        tx.connection.execute(update(deployment_schedule).values(schedule=every(DAY)))
        ask_for_plan(tx, id)

    planning.meanwhile(change)
    assert planning.changed_deployments() == ChangedDeployments()
    assert planning.changed_deployments() == ChangedDeployments(deployments=1, runs=3)
    assert planning.dates(id) == [0, DAY, 2 * DAY]


def test_one_whose_schedule_is_deleted_meanwhile_gets_no_runs(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    planning.change(id)
    planning.meanwhile(lambda tx: _drop_schedules(tx))
    assert planning.changed_deployments() == ChangedDeployments(deployments=1)
    assert planning.dates(id) == []


def _drop_schedules(tx: Transaction) -> None:
    tx.connection.execute(delete(deployment_schedule))


def test_it_counts_as_changed_when_its_user_changed_it(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    planning.change(id)
    before = planning.row(id).updated
    planning.at(1)
    planning.changed_deployments()
    assert planning.row(id).updated == before


def test_the_service_is_woken_by_those_who_ask_for_a_plan() -> None:
    assert find_service("changed-deployments").woken_by == TO_BE_PLANNED


def test_a_running_server_plans_within_a_fraction_of_a_second(database_url: str) -> None:
    settings = Settings(
        database_url=database_url, changed_deployments_seconds=1000.0, scheduler_seconds=1000.0
    )

    def deploy(tx: Transaction) -> None:
        now = tx.now()
        flow_id, id = new_id(now), new_id(now)
        rows = {
            flow: {"id": flow_id},
            deployment: {"id": id, "flow_id": flow_id},
            deployment_schedule: {
                "id": new_id(now),
                "deployment_id": id,
                "schedule": every(HOUR),
            },
        }
        for table, row in rows.items():
            tx.connection.execute(insert(table), filled(table, row, now))
        ask_for_plan(tx, id)

    async def main() -> None:
        runtime = Runtime(settings)
        await runtime.start()
        try:
            count = select(func.count()).select_from(flow_run)
            # The first passes, which come by themselves, are over.
            for service in ("scheduler", "changed-deployments"):
                await runtime.run_service(service)
            await runtime.database.write(deploy)
            begun = time.monotonic()
            while await runtime.database.read(lambda c: c.scalar(count)) == 0:
                assert time.monotonic() - begun < 10
                await asyncio.sleep(0.005)
        finally:
            await runtime.stop()

    asyncio.run(main())
