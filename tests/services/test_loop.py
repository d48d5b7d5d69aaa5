"""The loop around a service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from ephemeral_server.database import Database, Transaction
from ephemeral_server.database.tables import flow
from ephemeral_server.ids import new_id
from ephemeral_server.runtime import Runtime
from ephemeral_server.services.loop import LONGEST_PAUSE, ServiceLoop
from ephemeral_server.services.registry import RunOnce, Service
from ephemeral_server.settings import Settings
from tests.rows import filled

#: Seconds: far more than anything here takes.
SOON = 10.0
OFTEN, SELDOM = 0.01, 1000.0


def service(function: RunOnce, woken_by: str | None = None) -> Service:
    """A service that does what a test says."""

    class Scripted(Service):
        @property
        def run_once(self) -> RunOnce:
            return function

    return Scripted("scripted", "", "late_runs_seconds", "What a test says.", woken_by)


@asynccontextmanager
async def runtime(url: str, **given: Any) -> AsyncIterator[Runtime]:
    running = Runtime(Settings(database_url=url, ephemeral=True, **given))
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


@asynccontextmanager
async def looping(
    running: Runtime, scripted: RunOnce | Service, period: float = OFTEN
) -> AsyncIterator[ServiceLoop]:
    settings = running.settings.replace(late_runs_seconds=period)
    if not isinstance(scripted, Service):
        scripted = service(scripted)
    loop = ServiceLoop(scripted, running.database, settings)
    loop.start()
    try:
        yield loop
    finally:
        await asyncio.wait_for(loop.stop(), SOON)


@pytest.fixture
def try_it(database_url: str) -> Callable[[Callable[[Runtime], Awaitable[None]]], None]:
    """Runs a test on a server."""

    def run(test: Callable[[Runtime], Awaitable[None]]) -> None:
        async def main() -> None:
            async with runtime(database_url) as running:
                await asyncio.wait_for(test(running), 30)

        asyncio.run(main())

    return run


Try = Callable[[Callable[[Runtime], Awaitable[None]]], None]


def test_the_service_runs_again_and_again(try_it: Try) -> None:
    async def test(running: Runtime) -> None:
        third = asyncio.Event()
        given: list[Any] = []

        async def run_once(database: Database, settings: Settings) -> None:
            given.append((database.url, settings.late_runs_seconds))
            if len(given) == 3:
                third.set()

        async with looping(running, run_once) as loop:
            await third.wait()
        assert given[0] == (running.database.url, OFTEN)
        assert loop.passes == len(given)

    try_it(test)


def test_it_stops_in_a_pause_without_waiting_for_its_end(try_it: Try) -> None:
    async def test(running: Runtime) -> None:
        begun = asyncio.Event()

        async def run_once(database: Database, settings: Settings) -> None:
            begun.set()

        async with looping(running, run_once, SELDOM) as loop:
            await begun.wait()
        assert loop.passes == 1
        await loop.stop()

    try_it(test)


def test_a_failure_is_logged_and_the_next_pass_comes(
    try_it: Try, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(running: Runtime) -> None:
        well, passes = asyncio.Event(), iter([False, False, True, True])

        async def run_once(database: Database, settings: Settings) -> None:
            if not next(passes, True):
                raise ValueError("broken on purpose")
            well.set()

        async with looping(running, run_once) as loop:
            await well.wait()
        assert loop.passes >= 1
        assert loop.failures == 0

    with caplog.at_level(logging.ERROR, "ephemeral_server.services.loop"):
        try_it(test)
    texts = [record.getMessage() for record in caplog.records]
    assert texts == [
        f"A pass of service scripted failed; the next is in {seconds} s."
        for seconds in (2 * OFTEN, 4 * OFTEN)
    ]


@pytest.mark.parametrize(("period", "longest"), [(5.0, LONGEST_PAUSE), (SELDOM, SELDOM)])
def test_the_pause_after_failures_has_a_bound(try_it: Try, period: float, longest: float) -> None:
    async def test(running: Runtime) -> None:
        settings = running.settings.replace(late_runs_seconds=period)
        loop = ServiceLoop(service(fail), running.database, settings)
        assert loop._pause() == period
        loop.failures = 10_000
        assert loop._pause() == longest

    async def fail(database: Database, settings: Settings) -> None:
        raise AssertionError

    try_it(test)


def test_passes_never_overlap(try_it: Try) -> None:
    async def test(running: Runtime) -> None:
        at_work = most = 0

        async def run_once(database: Database, settings: Settings) -> str:
            nonlocal at_work, most
            at_work += 1
            most = max(most, at_work)
            await database.write(lambda tx: None)
            at_work -= 1
            return "done"

        async with looping(running, run_once) as loop:
            results = await asyncio.gather(*(loop.run_once() for _ in range(5)))
        assert results == ["done"] * 5
        assert loop.passes >= 6
        assert most == 1

    try_it(test)


def test_a_pass_that_is_stopped_finishes_the_transaction_it_is_in(try_it: Try) -> None:
    async def test(running: Runtime) -> None:
        begun, told = asyncio.Event(), []
        main = asyncio.get_running_loop()

        def make_flow(tx: Transaction) -> None:
            id = new_id(tx.now())
            tx.connection.execute(insert(flow), filled(flow, {"id": id}, tx.now()))
            tx.after_commit(lambda: told.append(id))
            main.call_soon_threadsafe(begun.set)

        async def run_once(database: Database, settings: Settings) -> None:
            while True:
                await database.write(make_flow)

        async with looping(running, run_once):
            await begun.wait()
        count = select(func.count()).select_from(flow)
        made = await running.database.read(lambda c: c.execute(count).scalar_one())
        assert len(told) == made >= 1

    try_it(test)


TOPIC = "a topic"


def woken(function: RunOnce) -> Service:
    """A scripted service that notices wake."""
    return service(function, TOPIC)


def tell(running: Runtime) -> Awaitable[None]:
    """Write something that tells of it."""
    return running.database.write(lambda tx: tx.notify(TOPIC, "x"))


def test_a_notice_begins_a_pass_before_its_time(try_it: Try) -> None:
    async def test(running: Runtime) -> None:
        passes: asyncio.Queue[None] = asyncio.Queue()

        async def run_once(database: Database, settings: Settings) -> None:
            passes.put_nowait(None)

        async with looping(running, woken(run_once), SELDOM):
            await passes.get()
            for _ in range(3):
                await tell(running)
                await passes.get()
            assert passes.empty()

    try_it(test)


def test_a_notice_during_a_pass_is_not_lost(try_it: Try) -> None:
    async def test(running: Runtime) -> None:
        second = asyncio.Event()
        passes = 0

        async def run_once(database: Database, settings: Settings) -> None:
            nonlocal passes
            passes += 1
            if passes == 1:
                for _ in range(3):
                    await tell(running)
            elif passes == 2:
                second.set()

        async with looping(running, woken(run_once), SELDOM):
            await second.wait()
        assert passes == 2

    try_it(test)


def test_a_service_that_notices_wake_has_its_period_as_well(try_it: Try) -> None:
    async def test(running: Runtime) -> None:
        third = asyncio.Event()
        passes = 0

        async def run_once(database: Database, settings: Settings) -> None:
            nonlocal passes
            passes += 1
            if passes == 3:
                third.set()

        async with looping(running, woken(run_once), OFTEN):
            await third.wait()

    try_it(test)


def test_after_a_failure_no_notice_shortens_the_pause(try_it: Try) -> None:
    async def test(running: Runtime) -> None:
        begun = asyncio.Event()
        passes = 0

        async def run_once(database: Database, settings: Settings) -> None:
            nonlocal passes
            passes += 1
            begun.set()
            raise ValueError("broken on purpose")

        async with looping(running, woken(run_once), SELDOM):
            await begun.wait()
            for _ in range(3):
                await tell(running)
        assert passes == 1

    try_it(test)
