"""Workers of the real client on their channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.process import ProcessWorker

from ephemeral_server import EphemeralServer, Settings
from tests.client.traffic import PATIENCE, Exchange, Traffic, recorded_server
from tests.leaks import LeakGuard

CHANNEL = "WEBSOCKET /work_pools/pool/workers/connect"


@pytest.fixture
def traffic(
    _warm_client: None, leak_guard: LeakGuard, caplog: pytest.LogCaptureFixture
) -> Iterator[Traffic]:
    """What was said; a test in which a worker complained fails."""
    caplog.set_level(logging.WARNING)
    yield Traffic()
    leak_guard.accept("AnyIO worker thread")
    complaints = [each for each in caplog.get_records("call") if "orker" in each.name]
    assert [each.getMessage() for each in complaints] == []


def said(exchange: Exchange) -> list[str]:
    """The types of the frames of a worker."""
    return [frame["type"] for frame in exchange.sent]


async def until(so: Callable[[], object]) -> None:
    """Return when it is so."""

    async def wait() -> None:
        while not so():  # noqa: ASYNC110  # what the client does wakes nobody
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), PATIENCE)


def test_a_worker_lives_and_learns_of_its_pool_over_its_channel_alone(traffic: Traffic) -> None:
    async def work() -> dict[str, Any]:
        async with (
            get_client() as client,
            ProcessWorker(work_pool_name="pool", heartbeat_interval_seconds=1) as worker,
        ):
            made = await client.read_work_pool("pool")
            assert worker.work_pool == made
            await client.update_work_pool("pool", WorkPoolUpdate(concurrency_limit=3))
            await until(lambda: worker.work_pool.concurrency_limit == 3)
            [channel] = traffic.on(CHANNEL)
            await until(lambda: said(channel).count("worker.heartbeat.v1") >= 1)
            [seen] = await client.read_workers_for_work_pool("pool")
            assert seen.name == worker.name
            assert seen.status == "ONLINE"
            return made.base_job_template

    with recorded_server(traffic):
        template = asyncio.run(work())
    assert template == ProcessWorker.get_default_base_job_template()
    assert [route for route in traffic.routes() if route.endswith("/heartbeat")] == []
    assert "POST /work_pools/" not in traffic.routes()


def test_a_worker_finds_a_server_again_that_was_restarted(traffic: Traffic, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'server.db'}"
    settings = Settings.load(ephemeral=True, activate=False, database_url=url)
    server = EphemeralServer(settings, build=traffic.build)
    again = Traffic()

    async def work() -> None:
        async with ProcessWorker(work_pool_name="pool", heartbeat_interval_seconds=1):
            port = server.port
            await server.ashutdown()
            with EphemeralServer(settings.replace(port=port), build=again.build):
                await until(lambda: again.on(CHANNEL))
                [channel] = again.on(CHANNEL)
                await until(lambda: "worker.heartbeat.v1" in said(channel))

    with server, temporary_settings({PREFECT_API_URL: server.api_url}):
        asyncio.run(work())
    assert [each.status for each in again.on(CHANNEL)] == [101]
