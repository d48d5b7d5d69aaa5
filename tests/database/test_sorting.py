"""Orders are total and the same on both databases."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection, func, select

from ephemeral_server.clock import SystemClock
from ephemeral_server.database import open_database
from ephemeral_server.database.sorting import Order, ascending, descending
from ephemeral_server.database.tables import flow_run
from ephemeral_server.settings import Settings
from tests.filters import dataset
from tests.filters.dataset import id_of

ID = flow_run.c.id
START = flow_run.c.start_time
STARTED = func.coalesce(START, flow_run.c.expected_start_time)


def sorted_by(url: str, *orders: Order) -> list[str]:
    """The names of the flow runs of `dataset`, in each of the orders."""

    def read(connection: Connection, order: Order) -> str:
        return " ".join(connection.execute(select(flow_run.c.name).order_by(*order)).scalars())

    async def run() -> list[str]:
        settings = Settings(database_url=url)
        database = await open_database(settings, SystemClock(), lambda events: None)
        try:
            return [await database.read(read, order) for order in orders]
        finally:
            await database.close()

    return asyncio.run(run())


def by_id(*names: str) -> list[str]:
    return sorted(names, key=id_of)


def test_rows_without_a_value_count_as_the_smallest(database_url: str) -> None:
    dataset.fill(database_url)

    up, down = sorted_by(database_url, ascending(START, ID), descending(START, ID))

    assert up.split() == by_id("failed", "planned") + by_id("done", "sub")
    assert down == " ".join(reversed(up.split()))


def test_ids_decide_between_equal_values(database_url: str) -> None:
    dataset.fill(database_url)

    created = flow_run.c.created
    up, down = sorted_by(database_url, ascending(created, ID), descending(created, ID))

    assert up.split() == by_id("done", "failed", "planned", "sub")
    assert down == " ".join(reversed(up.split()))


def test_an_expression_is_sorted_by_like_a_column(database_url: str) -> None:
    dataset.fill(database_url)

    up, down = sorted_by(database_url, ascending(STARTED, ID), descending(STARTED, ID))

    assert up.split() == [*by_id("done", "sub"), "failed", "planned"]
    assert down == " ".join(reversed(up.split()))


def test_the_id_needs_no_other_order(database_url: str) -> None:
    dataset.fill(database_url)

    up, down = sorted_by(database_url, ascending(ID, ID), descending(ID, ID))

    assert up.split() == by_id("done", "failed", "planned", "sub")
    assert down == " ".join(reversed(up.split()))
