"""What the client's own subscriber receives while flows run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from prefect import flow, get_run_logger, task
from prefect.client.schemas.filters import LogFilter, LogFilterLevel
from prefect.logging.clients import get_logs_subscriber
from prefect.settings import PREFECT_LOGGING_TO_API_BATCH_INTERVAL, temporary_settings

from tests.client.traffic import PATIENCE

if TYPE_CHECKING:
    from prefect.client.schemas.objects import Log

    from ephemeral_server.runtime import Runtime
    from tests.client.history import History
    from tests.client.traffic import Traffic


@pytest.fixture(autouse=True)
def _prompt_client() -> Iterator[None]:
    """The client sends what was logged soon, not every two seconds."""
    with temporary_settings({PREFECT_LOGGING_TO_API_BATCH_INTERVAL: 0.05}):
        yield


class Watcher:
    """Reads what the client's subscriber receives.

    Attributes:
        logs: received so far.
    """

    def __init__(self, history: History, traffic: Traffic) -> None:
        self._history = history
        self._traffic = traffic
        self._received = asyncio.Event()
        self.logs: list[Log] = []

    @property
    def messages(self) -> list[str]:
        return [log.message for log in self.logs]

    @asynccontextmanager
    async def watching(self, filter: LogFilter | None = None) -> AsyncIterator[None]:
        await asyncio.to_thread(self._history.client.hello)  # the server's loop is known by then
        reading = asyncio.create_task(self._read(filter))
        await self.subscribed()
        try:
            yield
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    async def received(self, message: str, **values: Any) -> None:
        """Return once a log with this text and these other values came."""
        wanted = {"message": message, **values}

        async def wait() -> None:
            while not any(wanted.items() <= vars(log).items() for log in self.logs):
                self._received.clear()
                await self._received.wait()

        await asyncio.wait_for(wait(), PATIENCE)

    async def subscribed(self) -> None:
        """Return once the server has the subscriber's filter."""

        async def wait(runtime: Runtime) -> None:
            while runtime.live_logs.subscriptions == 0:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.001)

        await asyncio.to_thread(self._traffic.on_server, wait)

    async def _read(self, filter: LogFilter | None) -> None:
        async with get_logs_subscriber(filter=filter) as subscriber:
            async for log in subscriber:
                self.logs.append(log)
                self._received.set()


def test_logs_are_received_while_the_flow_runs(history: History, traffic: Traffic) -> None:
    @task
    def works() -> None:
        get_run_logger().info("from the task")

    async def script() -> list[Log]:
        watcher = Watcher(history, traffic)

        @flow
        async def talkative() -> None:
            get_run_logger().info("first")
            await watcher.received("first")
            works()
            await watcher.received("from the task")

        async with watcher.watching():
            await talkative()
            await watcher.received("Finished in state Completed()", task_run_id=None)
        return watcher.logs

    received = asyncio.run(script())
    assert "from the task" in [log.message for log in received]
    stored = history.logs(history.flow_run().id)
    assert [log.id for log in received] == [log.id for log in stored]
    assert [log.timestamp for log in received] == [log.timestamp for log in stored]


def test_only_logs_that_fit_the_filter_are_received(history: History, traffic: Traffic) -> None:
    @flow
    async def talkative() -> None:
        logger = get_run_logger()
        logger.info("quiet")
        logger.warning("loud")
        logger.info("quiet again")
        logger.error("last")

    async def script() -> list[str]:
        watcher = Watcher(history, traffic)
        async with watcher.watching(LogFilter(level=LogFilterLevel(ge_=30))):
            await talkative()
            await watcher.received("last")
        return watcher.messages

    assert asyncio.run(script()) == ["loud", "last"]


async def restart(runtime: Runtime) -> None:
    await runtime.close_streams()


async def give_up(runtime: Runtime) -> None:
    for subscription in runtime.live_logs._subscriptions:
        subscription.give_up()


@pytest.mark.parametrize("end", [restart, give_up])
def test_the_client_connects_again_when_the_server_ends_its_connection(
    history: History, traffic: Traffic, end: Callable[[Runtime], Any]
) -> None:
    async def script() -> list[str]:
        watcher = Watcher(history, traffic)

        async def ended(runtime: Runtime) -> None:
            await end(runtime)
            while runtime.live_logs.subscriptions:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0)

        @flow
        async def talkative() -> None:
            get_run_logger().warning("before")
            await watcher.received("before")
            await asyncio.to_thread(traffic.on_server, ended)
            await watcher.subscribed()
            get_run_logger().warning("after")
            await watcher.received("after")

        async with watcher.watching(LogFilter(level=LogFilterLevel(ge_=30))):
            await talkative()
        return watcher.messages

    assert asyncio.run(script()) == ["before", "after"]
    assert traffic.statuses("WEBSOCKET /logs/out") == [101, 101]
