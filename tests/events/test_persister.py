"""Every event is stored once, with its resources, on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.clock import isoformat
from ephemeral_server.database import Database
from ephemeral_server.database.tables import event, event_resource
from ephemeral_server.events.persister import EventPersister
from tests.events.support import NOON, an_event, opened, received, rows

Test = Callable[[Database, EventPersister], Coroutine[Any, Any, None]]


def persisting(url: str, test: Test) -> None:
    """Run `test` with a persister on the database at `url`."""

    async def run() -> None:
        async with opened(url) as database:
            persister = EventPersister(database)
            await test(database, persister)
            await persister.stop()

    asyncio.run(run())


def test_an_event_is_stored_with_all_that_was_sent(database_url: str) -> None:
    leader = str(uuid4())
    sent = an_event(
        resource={"prefect.resource.id": "bakery.cake.1", "taste": "süß"},
        related=[{"prefect.resource.id": "bakery.oven", "prefect.resource.role": "place"}],
        payload={"layers": [1, 2.5, None], "note": "x\u0000y"},
        follows=leader,
    )

    async def test(database: Database, persister: EventPersister) -> None:
        persister.offer([received(sent, NOON + 7)])
        await persister.drain()
        [row] = await rows(database, event)
        assert row == {
            "id": sent["id"],
            "occurred": NOON,
            "event": "cake.baked",
            "resource_id": "bakery.cake.1",
            "resource": json.dumps(sent["resource"], separators=(",", ":"), ensure_ascii=False),
            "related": json.dumps(sent["related"], separators=(",", ":")),
            "payload": json.dumps(sent["payload"], separators=(",", ":")),
            "received": NOON + 7,
            "recorded": NOON,
            "follows": leader,
        }

    persisting(database_url, test)


def test_each_resource_has_a_row_with_its_other_labels(database_url: str) -> None:
    sent = an_event(
        resource={"prefect.resource.id": "bakery.cake.1", "taste": "sweet"},
        related=[
            {"prefect.resource.id": "bakery.oven", "prefect.resource.role": "place", "hot": "yes"},
            {"prefect.resource.id": "bakery.oven", "prefect.resource.role": "tool"},
        ],
    )

    async def test(database: Database, persister: EventPersister) -> None:
        persister.offer([received(sent)])
        await persister.drain()
        found = await rows(database, event_resource)
        assert [tuple(row.values()) for row in found] == [
            (sent["id"], 0, NOON, "bakery.cake.1", "", '{"taste":"sweet"}'),
            (sent["id"], 1, NOON, "bakery.oven", "place", '{"hot":"yes"}'),
            (sent["id"], 2, NOON, "bakery.oven", "tool", "{}"),
        ]

    persisting(database_url, test)


def test_an_id_that_is_stored_already_is_skipped_whole(database_url: str) -> None:
    first = an_event()
    oven = {"prefect.resource.id": "bakery.oven", "prefect.resource.role": "place"}
    second = {**first, "event": "cake.burnt", "related": [oven]}

    async def test(database: Database, persister: EventPersister) -> None:
        persister.offer([received(first)])
        await persister.drain()
        other = an_event()
        persister.offer([received(second), received(other)])
        await persister.drain()
        names = {row["id"]: row["event"] for row in await rows(database, event)}
        assert names == {first["id"]: "cake.baked", other["id"]: "cake.baked"}
        assert len(await rows(database, event_resource)) == 2

    persisting(database_url, test)


def test_of_one_id_twice_in_a_batch_the_first_counts(database_url: str) -> None:
    first = an_event()

    async def test(database: Database, persister: EventPersister) -> None:
        persister.offer([received(first), received({**first, "event": "cake.burnt"})])
        await persister.drain()
        assert [row["event"] for row in await rows(database, event)] == ["cake.baked"]

    persisting(database_url, test)


def test_a_large_batch_is_stored_whole(database_url: str) -> None:
    many = [{"prefect.resource.id": f"r{n}", "prefect.resource.role": "x"} for n in range(100)]

    async def test(database: Database, persister: EventPersister) -> None:
        persister.offer([received(an_event(related=many)) for _ in range(600)])
        await persister.drain()
        assert len(await rows(database, event)) == 600
        assert len(await rows(database, event_resource)) == 600 * 101

    persisting(database_url, test)


@pytest.mark.parametrize("year", [1, 9999])
def test_events_of_any_year_are_stored(database_url: str, year: int) -> None:
    sent = an_event(occurred=f"{year:04}-06-01T00:00:00Z")

    async def test(database: Database, persister: EventPersister) -> None:
        persister.offer([received(sent)])
        await persister.drain()
        [row] = await rows(database, event)
        assert isoformat(row["occurred"]) == sent["occurred"]

    persisting(database_url, test)


def test_numbers_that_json_lacks_become_null(database_url: str) -> None:
    sent = an_event(payload={"x": float("nan"), "y": [float("inf")]})

    async def test(database: Database, persister: EventPersister) -> None:
        persister.offer([received(sent)])
        await persister.drain()
        [row] = await rows(database, event)
        assert row["payload"] == '{"x":null,"y":[null]}'

    persisting(database_url, test)


def test_a_lone_surrogate_in_a_payload_is_stored_escaped(database_url: str) -> None:
    sent = an_event(payload={"x": "\ud800"})

    async def test(database: Database, persister: EventPersister) -> None:
        persister.offer([received(sent)])
        await persister.drain()
        [row] = await rows(database, event)
        assert row["payload"] == '{"x":"\\ud800"}'

    persisting(database_url, test)
