"""Over a month of time that goes by, every date of every schedule is planned once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta, timezone
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import case, exists, func, insert, select, update

from ephemeral_server.clock import SECOND, ManualClock, micros
from ephemeral_server.database import Transaction
from ephemeral_server.database.tables import (
    deployment,
    deployment_schedule,
    flow,
    flow_run,
    flow_run_state,
)
from ephemeral_server.ids import new_id
from ephemeral_server.runtime import Runtime
from ephemeral_server.settings import Settings
from tests.rows import filled
from tests.services.planning import DAY, HOUR, MINUTE, MONDAY, NEVER, cron, every

Dates = Callable[[], Iterator[int]]


class Kind(NamedTuple):
    """A schedule, and what its dates are, found by other means than the server's.

    Attributes:
        text: as the database has it.
        dates: all from `MONDAY` on.
        most: how many runs it may have ahead.
    """

    text: str
    dates: Dates
    most: int | None = None


def steps(seconds: int, first: int = 0) -> Dates:
    def dates() -> Iterator[int]:
        date = MONDAY + first
        while True:
            yield date * SECOND
            date += seconds

    return dates


def local(zone: str, hour: int, weekday: int | None = None, day: int | None = None) -> Dates:
    """Some hour of all days, of a day of the week or of one of the month, by a local clock."""

    def dates() -> Iterator[int]:
        date = datetime(2026, 3, 1)
        while True:
            at = micros(date.replace(hour=hour, tzinfo=ZoneInfo(zone)).astimezone(timezone.utc))
            fits = weekday in (None, date.weekday()) and day in (None, date.day)
            if fits and at >= MONDAY * SECOND:
                yield at
            date += timedelta(days=1)

    return dates


NEW_YORK, BERLIN = "America/New_York", "Europe/Berlin"
FRIDAY = "DTSTART:20200103T180000\\nFREQ=WEEKLY;BYDAY=FR"

#: For a clock that goes forward by a day, and how many deployments have each.
OF_A_MONTH = {
    Kind(every(DAY, "2026-01-05T14:00:00Z", NEW_YORK), local(NEW_YORK, 9)): 60,
    Kind(cron("0 9 * * *", NEW_YORK), local(NEW_YORK, 9)): 40,
    Kind(cron("0 4 * * *", BERLIN), local(BERLIN, 4), most=1): 20,
    Kind(every(8 * HOUR), steps(8 * HOUR)): 20,
    Kind(cron("30 */12 * * *"), steps(12 * HOUR, first=30 * MINUTE)): 20,
    Kind(f'{{"rrule":"{FRIDAY}","timezone":"{BERLIN}"}}', local(BERLIN, 18, weekday=4)): 20,
    Kind(cron("0 0 1 * *"), local("UTC", 0, day=1)): 19,
    Kind(NEVER, lambda: iter(())): 1,
}
#: For a clock that goes forward by half an hour.
OF_A_DAY = {
    Kind(every(HOUR), steps(HOUR)): 60,
    Kind(cron("*/10 * * * *"), steps(10 * MINUTE)): 10,
    Kind(cron("*/30 * * * *"), steps(30 * MINUTE), most=2): 10,
}


class World:
    """Deployments with schedules, on one database with one or more servers.

    Every second deployment has a second schedule: hourly, and not active.
    """

    def __init__(self, servers: list[Runtime], clock: ManualClock, kinds: dict[Kind, int]) -> None:
        self.servers, self.clock = servers, clock
        self.database = servers[0].database
        self.schedules: dict[str, Kind] = {}
        self.deployments: list[str] = []
        self._kinds = [kind for kind, count in kinds.items() for _ in range(count)]
        self._random = random.Random(5)
        self._random.shuffle(self._kinds)

    async def make(self) -> None:
        await self.database.write(self._make)

    async def live(self, seconds: float, until: float) -> None:
        """Let time go by in steps, and let all servers plan after each."""
        while self.clock.now() <= (MONDAY + until) * SECOND:
            await self.database.write(self._go_on)
            services = ("scheduler", "changed-deployments")
            await asyncio.gather(
                *(server.run_service(name) for server in self.servers for name in services)
            )
            self.last_pass = self.clock.now()
            self.clock.advance(seconds)

    async def check(self) -> None:
        """Every date up to the last pass is there once, and those that it had to plan."""
        planned, stateless, keys = await self.database.read(self.read)
        assert stateless == 0
        assert keys == sum(map(len, planned.values()))
        for id, kind in self.schedules.items():
            assert planned.get(id, []) == self.expected(kind), kind
        assert planned.keys() <= self.schedules.keys()

    def expected(self, kind: Kind) -> list[int]:
        end = self.last_pass + 100 * DAY * SECOND
        dates = list(takewhile(lambda date: date <= end, kind.dates()))
        past = [date for date in dates if date < self.last_pass]
        ahead = dates[len(past) :]
        enough = sum(date < self.last_pass + HOUR * SECOND for date in ahead) + 1
        return past + ahead[: kind.most or max(3, enough)]

    def _make(self, tx: Transaction) -> None:
        now = tx.now()
        flow_id = new_id(now)
        deployments, schedules = [], []
        for kind in self._kinds:
            deployment_id, id, other = new_id(now), new_id(now), new_id(now)
            self.deployments.append(deployment_id)
            self.schedules[id] = kind
            deployments.append({"id": deployment_id, "flow_id": flow_id})
            own = {"deployment_id": deployment_id}
            planned = {"schedule": kind.text, "max_scheduled_runs": kind.most, "active": True}
            schedules.append({"id": id, **own, **planned})
            idle = {"schedule": every(HOUR), "max_scheduled_runs": None, "active": False}
            schedules.append({"id": other, **own, **idle})
        for table, rows in (
            (flow, [{"id": flow_id}]),
            (deployment, deployments),
            (deployment_schedule, schedules),
        ):
            tx.connection.execute(insert(table), [filled(table, row, now) for row in rows])

    def _go_on(self, tx: Transaction) -> None:
        """Runs begin a little before their time, end later, and users change deployments."""
        c = flow_run.c
        goes_on = case((c.state_type == "PENDING", "COMPLETED"), else_="PENDING")
        due = c.next_scheduled_start_time <= tx.now() + 10 * SECOND
        tx.connection.execute(
            update(flow_run)
            .where(due | (c.state_type == "PENDING"))
            .values(state_type=goes_on, next_scheduled_start_time=None)
        )
        changed = self._random.sample(self.deployments, 20)
        which = deployment.c.id.in_(changed)
        tx.connection.execute(update(deployment).where(which).values(to_be_planned=True))

    def read(self, connection: Any) -> tuple[dict[str, list[int]], int, int]:
        c = flow_run.c
        planned: dict[str, list[int]] = {}
        rows = connection.execute(select(c.schedule_id, c.expected_start_time))
        for id, date in rows:
            planned.setdefault(id, []).append(date)
        has_state = exists().where(flow_run_state.c.id == c.state_id)
        stateless = select(func.count()).select_from(flow_run).where(~has_state)
        keys = select(func.count(c.idempotency_key.distinct()))
        return (
            {id: sorted(dates) for id, dates in planned.items()},
            connection.scalar(stateless),
            connection.scalar(keys),
        )


@asynccontextmanager
async def world(url: str, kinds: dict[Kind, int], servers: int = 1) -> AsyncIterator[World]:
    clock = ManualClock(MONDAY * SECOND)
    async with AsyncExitStack() as stack:
        runtimes = []
        for _ in range(servers):
            runtime = Runtime(Settings(database_url=url, ephemeral=True), clock)
            await runtime.start()
            stack.push_async_callback(runtime.stop)
            runtimes.append(runtime)
        made = World(runtimes, clock, kinds)
        await made.make()
        yield made


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'server.db'}"


async def live(url: str, kinds: dict[Kind, int], step: float, days: int, servers: int = 1) -> None:
    async with world(url, kinds, servers) as lived:
        await lived.live(step, until=days * DAY)
        await lived.check()


def test_a_month_of_two_hundred_deployments(file_url: str) -> None:
    assert sum(OF_A_MONTH.values()) == 200
    asyncio.run(live(file_url, OF_A_MONTH, DAY, days=30))


def test_a_day_of_schedules_that_come_often(file_url: str) -> None:
    asyncio.run(live(file_url, OF_A_DAY, 30 * MINUTE, days=1))


def test_two_servers_on_one_file_plan_nothing_twice(file_url: str) -> None:
    asyncio.run(live(file_url, OF_A_MONTH, DAY, days=5, servers=2))


def test_two_servers_that_plan_at_the_same_time_plan_nothing_twice(postgres_url: str) -> None:
    asyncio.run(live(postgres_url, OF_A_MONTH, DAY, days=30, servers=2))
