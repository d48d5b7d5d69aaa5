"""What making, changing and deleting a flow tells others, and what deleting it takes along."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Connection, Table, select

from ephemeral_server.clock import SystemClock
from ephemeral_server.database import Database, Transaction, open_database
from ephemeral_server.database.tables import deployment, flow, flow_run, log, task_run, work_queue
from ephemeral_server.events.model import Event
from ephemeral_server.flows import store
from ephemeral_server.logs.store import create_logs
from ephemeral_server.settings import Settings
from tests.filters import dataset
from tests.filters.dataset import id_of


def events_of(url: str, work: Callable[[Database], Awaitable[Any]]) -> list[Event]:
    """The events that `work` published."""
    events: list[Event] = []

    async def run() -> None:
        settings = Settings(database_url=url)
        database = await open_database(settings, SystemClock(), events.extend)
        try:
            await work(database)
        finally:
            await database.close()

    asyncio.run(run())
    return events


def names(connection: Connection, table: Table) -> list[str]:
    return sorted(connection.execute(select(table.c.name)).scalars())


def test_a_new_flow_is_told_once(database_url: str) -> None:
    ids: list[str] = []

    async def make_twice(database: Database) -> None:
        row, new = await database.write(store.create_flow, "etl", ["b", "a"], {"n": 1})
        again, renewed = await database.write(store.create_flow, "etl", [], None)
        assert (new, renewed, again["id"]) == (True, False, row["id"])
        ids.append(row["id"])

    (event,) = events_of(database_url, make_twice)

    assert event.event == "prefect.flow.created"
    assert event.resource == {
        "prefect.resource.id": f"prefect.flow.{ids[0]}",
        "prefect.resource.name": "etl",
    }
    assert event.related == []
    assert event.payload == {"name": "etl", "tags": ["b", "a"], "labels": {"n": 1}}


def test_a_change_is_told_with_the_flow_as_it_became(database_url: str) -> None:
    dataset.fill(database_url)

    async def change(database: Database) -> None:
        assert await database.write(store.update_flow, id_of("etl"), ["new"])
        assert not await database.write(store.update_flow, id_of("nobody"), ["new"])

    (event,) = events_of(database_url, change)

    assert event.event == "prefect.flow.updated"
    assert event.payload == {"name": "etl", "tags": ["new"], "labels": None}


def test_each_deleted_flow_is_told_and_nothing_below_it(database_url: str) -> None:
    dataset.fill(database_url)

    async def delete(database: Database) -> None:
        where = flow.c.name.in_(["etl", "report"])
        assert len(await database.write(store.delete_flows, where, 50)) == 2

    events = events_of(database_url, delete)

    assert [event.event for event in events] == ["prefect.flow.deleted"] * 2
    assert [event.payload["name"] for event in events] == ["etl", "report"]


def test_deleting_a_flow_takes_what_is_below_it_and_the_logs_of_its_runs(
    database_url: str,
) -> None:
    dataset.fill(database_url)

    async def delete(database: Database) -> None:
        await database.write(write_logs)
        await database.write(store.delete_flows, flow.c.name == "etl", 1)
        assert await database.read(names, flow) == ["idle", "report"]
        assert await database.read(names, flow_run) == ["planned", "sub"]
        assert await database.read(names, task_run) == ["lone"]
        assert await database.read(names, deployment) == []
        assert await database.read(names, work_queue) == ["fast", "local", "slow"]
        assert await database.read(names, log) == ["of no run", "of sub"]

    events_of(database_url, delete)


def write_logs(tx: Transaction) -> None:
    """A log of each kind, named after what it belongs to."""
    done, child, sub = id_of("done"), id_of("child"), id_of("sub")
    create_logs(
        tx,
        [
            ("of done", 20, "", 0, done, None),
            ("of child", 20, "", 0, done, child),
            ("of sub", 20, "", 0, sub, None),
            ("of no run", 20, "", 0, None, None),
        ],
    )


def test_a_subflow_run_outlives_the_task_run_that_stood_for_it(database_url: str) -> None:
    dataset.fill(database_url)

    def parent(connection: Connection) -> str | None:
        query = select(flow_run.c.parent_task_run_id).where(flow_run.c.name == "sub")
        found: str | None = connection.execute(query).scalar_one()
        return found

    async def delete(database: Database) -> None:
        assert await database.read(parent) == id_of("child")
        await database.write(store.delete_flows, flow.c.name == "etl", 1)
        assert await database.read(parent) is None

    events_of(database_url, delete)
