"""Artifacts of one key that are made and deleted at the same time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import httpx

from ephemeral_server.artifacts.creation import create_artifact
from ephemeral_server.clock import ManualClock
from ephemeral_server.database import open_database
from ephemeral_server.settings import Settings
from tests.locks import lock_waits

KEY = "wanted"
#: How many ask at once.
MANY = 8


def listed(api: httpx.Client, path: str) -> list[dict[str, Any]]:
    """The newest artifact, or collection, first."""
    found: list[dict[str, Any]] = api.post(f"{path}/filter", json={"sort": "CREATED_DESC"}).json()
    return found


def test_of_many_who_write_to_a_new_key_the_newest_is_the_latest(apis: list[httpx.Client]) -> None:
    def write(number: int) -> int:
        api = apis[number % len(apis)]
        return api.post("/artifacts/", json={"key": KEY, "data": number}).status_code

    with ThreadPoolExecutor(MANY) as pool:
        assert set(pool.map(write, range(5 * MANY))) == {201}
    artifacts = listed(apis[0], "/artifacts")
    [collection] = listed(apis[0], "/artifacts/latest")

    assert sorted(artifact["data"] for artifact in artifacts) == list(range(5 * MANY))
    assert collection["latest_id"] == artifacts[0]["id"]
    assert collection["data"] == artifacts[0]["data"]


def test_whoever_writes_and_deletes_a_key_its_latest_is_there(apis: list[httpx.Client]) -> None:
    def write_or_change(number: int) -> set[int]:
        api = apis[number % len(apis)]
        codes = set()
        for turn in range(5):
            path = f"/artifacts/{api.post('/artifacts/', json={'key': KEY}).json()['id']}"
            codes.add(api.patch(path, json={"data": [number, turn]}).status_code)
            if (number + turn) % 3:
                codes.add(api.delete(path).status_code)
        return codes

    with ThreadPoolExecutor(MANY) as pool:
        assert set().union(*pool.map(write_or_change, range(MANY))) == {204}
    artifacts = listed(apis[0], "/artifacts")
    [collection] = listed(apis[0], "/artifacts/latest")

    assert collection["latest_id"] == artifacts[0]["id"]
    assert collection["data"] == artifacts[0]["data"]


def test_an_artifact_is_as_old_as_its_being_the_latest(postgres_url: str) -> None:
    async def run() -> None:
        clock = ManualClock()
        settings = Settings(database_url=postgres_url)
        database = await open_database(settings, clock, lambda events: None)
        other = await asyncpg.connect(database.url.replace("+asyncpg", ""))
        try:
            await database.write(create_artifact, key=KEY)
            async with other.transaction():
                await other.execute("SELECT 1 FROM artifact_collection FOR UPDATE")
                second = asyncio.create_task(database.write(create_artifact, key=KEY))
                await lock_waits(postgres_url, 1)
                clock.advance(60)
            assert (await second)["created"] == clock.now()
        finally:
            await other.close()
            await database.close()

    asyncio.run(asyncio.wait_for(run(), 50))
