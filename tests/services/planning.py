"""Deployments with schedules, and what the scheduler has planned for them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import Row, delete, select, update

from ephemeral_server.clock import SECOND
from ephemeral_server.database import Database
from ephemeral_server.database.tables import deployment, deployment_schedule, flow_run
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.planned import ask_for_plan
from ephemeral_server.services import changed_deployments, scheduler
from ephemeral_server.services.changed_deployments import ChangedDeployments
from ephemeral_server.services.scheduler import Scheduled
from ephemeral_server.settings import Settings
from tests.orchestration.runs import Runs
from tests.services.passes import Meanwhile

T = TypeVar("T")

MINUTE, HOUR, DAY = 60, 3600, 86_400
#: Seconds since 1970: 2026-03-02, a Monday, 00:00 UTC.
MONDAY = 1_772_409_600

#: The text of schedules, which has to be exactly that of the database.
NEVER = '{"cron":"0 0 31 2 *","timezone":null,"day_or":true}'


def every(seconds: float, anchor: str = "2026-03-02T00:00:00Z", timezone: str = "UTC") -> str:
    """An interval schedule."""
    return json.dumps({"interval": seconds, "anchor_date": anchor, "timezone": timezone})


def cron(expression: str, timezone: str | None = None) -> str:
    return json.dumps({"cron": expression, "timezone": timezone, "day_or": True})


class Planning:
    """Makes deployments, lets the scheduler work and tells what it has planned.

    Times are seconds since `MONDAY`, where the clock stands at the start.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.application = runs.application

        def work(tx: Transaction) -> None:
            tx.connection.execute(delete(deployment))

        self.application.write(work)
        self.application.clock._now = MONDAY * SECOND
        self.settings = self.application.runtime.settings
        self.database: Database = self.application.runtime.database

    @property
    def now(self) -> float:
        return self.application.clock.now() / SECOND - MONDAY

    def at(self, seconds: float) -> None:
        """Let it be so late."""
        self.application.clock.advance(seconds - self.now)

    def deployment(self, *schedules: str, **columns: Any) -> str:
        """A deployment with schedules; its id."""
        id = self.runs.deployment(**columns)
        for schedule in schedules:
            self.schedule(id, schedule)
        return id

    def schedule(self, deployment_id: str, schedule: str, **columns: Any) -> str:
        """A further schedule of a deployment; its id."""
        columns |= {"deployment_id": deployment_id, "schedule": schedule}
        return self.application.insert(deployment_schedule, **columns)

    def change(self, deployment_id: str, **columns: Any) -> None:
        """Change columns of a deployment, and ask for a plan."""

        def work(tx: Transaction) -> None:
            which = update(deployment).where(deployment.c.id == deployment_id)
            if columns:
                tx.connection.execute(which.values(columns))
            ask_for_plan(tx, deployment_id)

        self.application.write(work)

    def meanwhile(self, work: Callable[[Transaction], None]) -> None:
        """Let something happen in the next pass after it has looked for what lacks runs."""

        async def action(database: Database) -> None:
            await database.write(work)

        self.database = Meanwhile(self.application.runtime.database, action)

    def scheduler(self) -> Scheduled:
        return self._pass(scheduler.run_once)

    def changed_deployments(self) -> ChangedDeployments:
        return self._pass(changed_deployments.run_once)

    def runs_of(self, id: str) -> list[Row[Any]]:
        """The runs of a deployment or a schedule, by their dates."""
        c = flow_run.c
        query = select(flow_run).where((c.deployment_id == id) | (c.schedule_id == id))
        query = query.order_by(c.expected_start_time, c.id)
        return list(self.application.read(lambda connection: connection.execute(query).all()))

    def dates(self, id: str) -> list[float]:
        """The dates of these runs."""
        return [run.expected_start_time / SECOND - MONDAY for run in self.runs_of(id)]

    def row(self, deployment_id: str) -> Row[Any]:
        """A deployment as the database has it."""
        query = select(deployment).where(deployment.c.id == deployment_id)
        return self.application.read(lambda connection: connection.execute(query).one())

    def _pass(self, run_once: Callable[[Database, Settings], Awaitable[T]]) -> T:
        return self.application.wait(run_once(self.database, self.settings))
