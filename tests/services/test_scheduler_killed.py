"""A scheduler that is killed between two steps leaves nothing half done, and nothing undone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select, update

from ephemeral_server.database import Transaction
from ephemeral_server.database.tables import deployment, deployment_schedule
from ephemeral_server.services.changed_deployments import ChangedDeployments
from tests.services.test_scheduler_months import OF_A_MONTH, World, world

ROOT = Path(__file__).parents[2]
#: Deployments: of each kind a few.
KINDS = {kind: min(count, 6) for kind, count in OF_A_MONTH.items()}
PATIENCE = 50.0


def plan_and_die(url: str, statement: str, times: int) -> None:
    """Let a process plan until it is about to execute a statement, and kill it there."""
    command = [sys.executable, "-m", "tests.services.killed_scheduler", url, statement, str(times)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"here\n"
        finally:
            process.kill()
        assert process.wait(PATIENCE) == -signal.SIGKILL


async def ask_for_all(made: World) -> None:
    def work(tx: Transaction) -> None:
        tx.connection.execute(update(deployment).values(to_be_planned=True))

    await made.database.write(work)


async def check_in_between(made: World) -> int:
    """Of each deployment all is planned that had to be, or nothing; how many have all."""
    planned, stateless, _ = await made.database.read(made.read)
    assert stateless == 0
    query = select(deployment_schedule.c.id).join(
        deployment, deployment.c.id == deployment_schedule.c.deployment_id
    )
    waiting = query.where(deployment.c.to_be_planned)
    unplanned = set(await made.database.read(lambda c: c.scalars(waiting).all()))
    for id, kind in made.schedules.items():
        dates = [] if id in unplanned else made.expected(kind)
        assert planned.get(id, []) == dates
    return len(made.schedules) - len(unplanned & made.schedules.keys())


@pytest.mark.parametrize(
    ("statement", "times"),
    [
        ("INSERT INTO flow_run (", 2),
        ("INSERT INTO flow_run_state", 3),
        ("COMMIT", 3),
    ],
)
def test_the_next_pass_does_what_is_left(database_url: str, statement: str, times: int) -> None:
    async def main() -> None:
        async with world(database_url, KINDS) as made:
            await ask_for_all(made)
            await asyncio.to_thread(plan_and_die, database_url, statement, times)

            made.last_pass = made.clock.now()
            done = await check_in_between(made)
            assert 0 < done < len(made.schedules)

            left = len(made.schedules) - done
            while left:  # the database takes a moment to learn that the process is gone
                plans = await made.servers[0].run_service("changed-deployments")
                assert isinstance(plans, ChangedDeployments)
                left -= plans.deployments
            await made.check()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
