"""The scheduler and those who change deployments at the same time, on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import select, update

from ephemeral_server.database import Transaction
from ephemeral_server.database.tables import deployment, deployment_schedule
from ephemeral_server.deployments.planned import ask_for_plan, delete_planned_runs
from ephemeral_server.services.changed_deployments import ChangedDeployments
from ephemeral_server.services.scheduler import Scheduled
from tests.locks import lock_waits
from tests.services.planning import HOUR, every
from tests.services.test_scheduler_months import Kind, World, steps, world

HOURLY = Kind(every(HOUR), steps(HOUR))
Test = Callable[[World], Awaitable[None]]


@pytest.fixture
def try_it(postgres_url: str) -> Callable[[Test], None]:
    """Runs a test on a database with two servers and three deployments."""

    def run(test: Test) -> None:
        async def main() -> None:
            async with world(postgres_url, {HOURLY: 3}, servers=2) as made:
                made.last_pass = made.clock.now()
                await test(made)

        asyncio.run(asyncio.wait_for(main(), 50))

    return run


@asynccontextmanager
async def held(made: World, statement: str) -> AsyncIterator[None]:
    """Somebody holds what a statement locks."""
    client = await asyncpg.connect(made.database.url.replace("+asyncpg", ""))
    try:
        async with client.transaction():
            await client.execute(statement)
            yield
    finally:
        await client.close()


def test_a_deployment_that_somebody_changes_is_left_to_the_next_pass(
    try_it: Callable[[Test], None],
) -> None:
    async def test(made: World) -> None:
        async with held(made, "SELECT 1 FROM deployment LIMIT 1 FOR NO KEY UPDATE"):
            first = await asyncio.wait_for(made.servers[0].run_service("scheduler"), 10)
        second = await made.servers[0].run_service("scheduler")
        assert (first, second) == (Scheduled(2, 6), Scheduled(1, 3))
        await made.check()

    try_it(test)


def test_no_change_is_forgotten_that_comes_while_runs_are_planned(
    try_it: Callable[[Test], None],
) -> None:
    async def test(made: World) -> None:
        id = made.deployments[0]

        def change(tx: Transaction) -> None:
            ask_for_plan(tx, id)  # first: so it waits for who plans
            which = deployment_schedule.c.deployment_id == id
            tx.connection.execute(update(deployment_schedule).where(which).values(active=False))
            delete_planned_runs(tx, id, future_only=True)

        await made.database.write(lambda tx: ask_for_plan(tx, id))
        # Runs refer to their flow: their transaction waits, its marks taken away already.
        async with held(made, "SELECT 1 FROM flow FOR UPDATE"):
            planning = asyncio.create_task(made.servers[0].run_service("changed-deployments"))
            await lock_waits(made.database.url, 1)
            changing = asyncio.create_task(made.servers[1].database.write(change))
            await lock_waits(made.database.url, 2)
        assert await planning == ChangedDeployments(1, 3)
        await changing

        marked = select(deployment.c.to_be_planned).where(deployment.c.id == id)
        assert await made.database.read(lambda connection: connection.scalar(marked))
        planned, _, _ = await made.database.read(made.read)
        # Nothing is left of what the schedule had planned, but for the run whose time it is.
        assert [len(dates) for dates in planned.values()] == [1]

    try_it(test)
