"""Each run that something is to be done to gets it once, whatever others do at that time."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import OperationalError

from ephemeral_server.clock import ManualClock
from ephemeral_server.database import Transaction
from ephemeral_server.database.tables import flow, flow_run, flow_run_state
from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.events.model import Event
from ephemeral_server.ids import new_id
from ephemeral_server.orchestration.changes import Outcome, change_flow_run
from ephemeral_server.orchestration.states import scheduled
from ephemeral_server.runtime import Runtime
from ephemeral_server.services import duties, late_runs
from ephemeral_server.services.late_runs import LateRuns
from ephemeral_server.settings import Settings
from tests.orchestration.runs import Run, Runs
from tests.rows import filled
from tests.services.passes import Passes

HOUR = 3600 * 1_000_000


def overdue(runs: Runs, many: int) -> list[Run]:
    at = runs.now(-3600)
    return [runs.flow_run("SCHEDULED", state_scheduled_time=at) for _ in range(many)]


class Failing:
    """Lets what is done to some runs fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.errors: dict[str, Exception] = {}
        monkeypatch.setattr(late_runs, "change_flow_run", self._change)

    def _change(self, tx, settings, run, *rest) -> Outcome:  # type: ignore[no-untyped-def]
        outcome = change_flow_run(tx, settings, run, *rest)
        if run.id in self.errors:
            raise self.errors[run.id]
        return outcome


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    return Failing(monkeypatch)


def test_a_run_that_fails_stops_no_other(
    runs: Runs, passes: Passes, failing: Failing, caplog: pytest.LogCaptureFixture
) -> None:
    before, broken, after = overdue(runs, 3)
    failing.errors[broken.id] = ValueError("broken on purpose")
    runs.application.events.clear()

    with caplog.at_level(logging.ERROR, "ephemeral_server.services.duties"):
        assert passes.late_runs() == LateRuns(late=2)

    assert [run.state["name"] for run in (before, broken, after)] == ["Late", "Scheduled", "Late"]
    assert [len(run.events()) for run in (before, broken, after)] == [1, 0, 1]
    [record] = caplog.records
    assert broken.id in record.getMessage()
    failing.errors.clear()
    assert passes.late_runs() == LateRuns(late=1)


@pytest.mark.parametrize(
    "error",
    [DatabaseClosedError("closed"), OperationalError("", {}, OSError("gone"))],
    ids=["closed", "unreachable"],
)
def test_without_a_database_the_pass_ends(
    runs: Runs, passes: Passes, failing: Failing, error: Exception
) -> None:
    failing.errors = {run.id: error for run in overdue(runs, 2)}
    with pytest.raises(type(error)):
        passes.late_runs()


def test_no_transaction_changes_more_than_a_batch(
    runs: Runs, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duties, "BATCH", 3)
    sizes: list[int] = []
    change_all = duties._change_all

    def counted(tx, settings, duty, ids) -> Counter[str]:  # type: ignore[no-untyped-def]
        sizes.append(len(ids))
        return change_all(tx, settings, duty, ids)

    monkeypatch.setattr(duties, "_change_all", counted)
    overdue(runs, 7)
    assert passes.late_runs() == LateRuns(late=7)
    assert sizes == [3, 3, 1]


class Servers:
    """Two servers on one database, each with a connection of its own."""

    def __init__(self, runtimes: list[Runtime], events: list[Event]) -> None:
        self.one, self.other = runtimes
        self.events = events

    async def make_overdue(self, many: int) -> None:
        """Make flow runs whose time was an hour ago."""
        now = self.one.clock.now() - HOUR
        flow_id = new_id(now)
        runs, states = [], []
        for _ in range(many):
            state = scheduled(now, now)
            own = {"id": new_id(now), "flow_id": flow_id, "next_scheduled_start_time": now}
            own |= {"state_id": state.id, "state_type": state.type, "state_name": state.name}
            runs.append(filled(flow_run, own, now))
            states.append(
                {
                    "id": state.id,
                    "flow_run_id": own["id"],
                    "type": state.type,
                    "name": state.name,
                    "timestamp": now,
                    "state_details": state.details_text(),
                }
            )

        def work(tx: Transaction) -> None:
            own = {"id": flow_id, "name": "of many"}
            tx.connection.execute(insert(flow), filled(flow, own, now))
            tx.connection.execute(insert(flow_run), runs)
            tx.connection.execute(insert(flow_run_state), states)

        await self.one.database.write(work)

    async def states(self) -> Counter[tuple[str, int]]:
        """How many runs have a current state of which name and how many states in all."""
        count = select(func.count()).where(flow_run_state.c.flow_run_id == flow_run.c.id)
        query = select(flow_run.c.state_name, count.scalar_subquery())
        rows = await self.one.database.read(lambda c: c.execute(query).all())
        return Counter((name, many) for name, many in rows)

    # What a bus asks of those who consume events.

    full = False

    def offer(self, events: list[Event]) -> None:
        self.events += events

    async def room(self) -> None:
        """There always is."""


@asynccontextmanager
async def two_servers(url: str) -> AsyncIterator[Servers]:
    clock = ManualClock()
    async with AsyncExitStack() as stack:
        runtimes = []
        for _ in range(2):
            runtime = Runtime(Settings(database_url=url, ephemeral=True), clock)
            await runtime.start()
            stack.push_async_callback(runtime.stop)
            runtimes.append(runtime)
        servers = Servers(runtimes, [])
        for runtime in runtimes:
            runtime.bus.subscribe(servers)
        yield servers


def test_a_pass_gets_through_a_thousand_runs(tmp_path: Path) -> None:
    async def main() -> None:
        async with two_servers(f"sqlite+aiosqlite:///{tmp_path / 'server.db'}") as servers:
            await servers.make_overdue(1000)
            assert await servers.one.run_service("late-runs") == LateRuns(late=1000)
            assert await servers.other.run_service("late-runs") == LateRuns()

    asyncio.run(main())


def test_what_two_servers_do_at_once_is_done_once(database_url: str) -> None:
    async def main() -> None:
        async with two_servers(database_url) as servers:
            await servers.make_overdue(200)

            done = await asyncio.gather(
                servers.one.run_service("late-runs"), servers.other.run_service("late-runs")
            )

            assert sum(each.late for each in done) == 200
            assert await servers.states() == {("Late", 2): 200}
            assert len({event.id for event in servers.events}) == len(servers.events) == 200

    asyncio.run(main())


def test_a_run_that_somebody_works_on_is_left_to_the_next_pass(postgres_url: str) -> None:
    async def main() -> None:
        async with two_servers(postgres_url) as servers:
            await servers.make_overdue(5)
            client = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
            try:
                async with client.transaction():
                    await client.execute("SELECT 1 FROM flow_run LIMIT 1 FOR NO KEY UPDATE")
                    first = await asyncio.wait_for(servers.one.run_service("late-runs"), 10)
            finally:
                await client.close()
            second = await servers.one.run_service("late-runs")
            assert (first, second) == (LateRuns(late=4), LateRuns(late=1))

    asyncio.run(main())
