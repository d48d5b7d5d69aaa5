"""Events with values that no sensible client sends, and that must not spoil what is stored."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from ephemeral_server.database.tables import event, event_resource
from ephemeral_server.events.persister import LONGEST_SEARCHED_ID, EventPersister
from tests.events.recording import Recording, recording
from tests.events.support import an_event, opened, received, rows


def random_text(length: int) -> str:
    """Text that does not become much shorter when it is compressed."""
    return "".join(random.Random(length).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))


def test_resources_with_very_long_ids_are_stored(database_url: str) -> None:
    long = [random_text(12_000), "😀" * 3_000]
    sent = an_event(
        resource={"prefect.resource.id": long[0]},
        related=[{"prefect.resource.id": long[1], "prefect.resource.role": "tag"}],
    )

    async def run() -> None:
        async with opened(database_url) as database:
            persister = EventPersister(database)
            persister.offer([received(sent)])
            await persister.drain()
            [stored] = await rows(database, event)
            searched = [row["resource_id"] for row in await rows(database, event_resource)]
            await persister.stop()
        assert stored["resource_id"] == long[0]
        assert json.loads(stored["related"])[0]["prefect.resource.id"] == long[1]
        assert searched == [id[:LONGEST_SEARCHED_ID] for id in long]

    asyncio.run(run())


def test_tags_lose_what_databases_cannot_store(database_url: str) -> None:
    async def test(it: Recording) -> None:
        await it.record(it.task_run(tags=["a\x00b", "\ud800", "oven"]).entered("RUNNING"))
        assert (await it.run())["tags"] == '["ab","?","oven"]'

    recording(database_url, test)


@pytest.mark.parametrize(
    "told",
    [
        {"empirical_policy": {"retries": 10**400}},
        {"empirical_policy": {"retries": 1, "retry_delay": 10**400}},
        {"empirical_policy": {"retries": 1, "retry_jitter_factor": -5}},
        {"total_run_time": "P999999999D"},
        {"total_run_time": -1e15},
        {"run_count": 2**31},
    ],
    ids=str,
)
def test_a_number_beyond_all_measure_makes_an_event_unusable_at_once(
    database_url: str, told: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def test(it: Recording) -> None:
        await it.record(it.task_run(**told).entered("RUNNING"), it.task_run().entered("RUNNING"))
        assert len(await it.runs()) == 1
        [record] = caplog.records
        assert f"is dropped: payload.task_run.{next(iter(told))}" in record.getMessage()

    recording(database_url, test)
