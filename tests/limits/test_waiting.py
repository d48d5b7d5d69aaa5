"""Who comes while another is at work with the same limits, on a database with many writers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, TypeVar

from sqlalchemy import insert, select

from ephemeral_server.database import Transaction
from ephemeral_server.database.tables import concurrency_lease, concurrency_limit
from ephemeral_server.ids import new_id
from ephemeral_server.limits.asking import Asked, ask
from ephemeral_server.limits.leases import acquire
from ephemeral_server.limits.releases import release
from ephemeral_server.limits.slots import Return, give_back_slots, take_slots
from ephemeral_server.limits.store import Limit
from ephemeral_server.limits.tags import reset_tag_limit
from ephemeral_server.settings import Settings
from tests.databases import write
from tests.locks import lock_waits
from tests.rows import filled

T = TypeVar("T")
U = TypeVar("U")

RUN = "00000000-0000-0000-0000-000000000001"


def one_waits_for_the_other(
    url: str, first: Callable[[Transaction], T], second: Callable[[Transaction], U]
) -> tuple[T, U]:
    """What both do, the second from when the first is done until after it commits."""
    done, over = Event(), Event()

    def holding(tx: Transaction) -> T:
        result = first(tx)
        done.set()
        assert over.wait(30)
        return result

    with ThreadPoolExecutor(2) as pool:
        earlier = pool.submit(write, url, holding)
        try:
            assert done.wait(30)
            later = pool.submit(write, url, second)
            asyncio.run(asyncio.wait_for(lock_waits(url, 1), 30))
        finally:
            over.set()
        return earlier.result(30), later.result(30)


def new(url: str, name: str, slots: int = 1, **columns: Any) -> str:
    """A limit; its id."""

    def unit(tx: Transaction) -> str:
        now = tx.now()
        row = filled(
            concurrency_limit, {"id": new_id(now), "name": name, "slots": slots, **columns}, now
        )
        tx.connection.execute(insert(concurrency_limit), row)
        return str(row["id"])

    return write(url, unit)


def counted(url: str, id: str) -> tuple[int, int]:
    """How many slots the limit counts as taken, and how many leases there are at all."""
    taken = select(concurrency_limit.c.active_slots).where(concurrency_limit.c.id == id)

    def unit(tx: Transaction) -> tuple[int, int]:
        leases = tx.connection.execute(select(concurrency_lease)).all()
        return tx.connection.execute(taken).scalar_one(), len(leases)

    return write(url, unit)


def test_who_comes_while_the_last_slot_is_taken_finds_none(postgres_url: str) -> None:
    id = new(postgres_url, "limit")
    got = one_waits_for_the_other(
        postgres_url, lambda tx: take_slots(tx, [id]), lambda tx: take_slots(tx, [id])
    )
    assert got == (True, False)
    assert counted(postgres_url, id)[0] == 1


def test_a_slot_that_is_given_back_while_its_limit_is_reset_does_not_come_back_again(
    postgres_url: str,
) -> None:
    id, other = new(postgres_url, "tag:a", 8), new(postgres_url, "tag:b", 8)
    lease = write(postgres_url, lambda tx: acquire(tx, [id, other], 60))
    assert lease is not None

    one_waits_for_the_other(
        postgres_url,
        lambda tx: reset_tag_limit(tx, "a", [RUN]),
        lambda tx: release(tx, lease),
    )

    assert counted(postgres_url, id) == (1, 1)
    assert counted(postgres_url, other) == (0, 1)


def test_a_slot_that_is_taken_while_its_limit_is_to_be_reset_is_taken_afterwards(
    postgres_url: str,
) -> None:
    id = new(postgres_url, "tag:a", 8)
    one_waits_for_the_other(
        postgres_url,
        lambda tx: acquire(tx, [id], 60),
        lambda tx: reset_tag_limit(tx, "a", []),
    )
    assert counted(postgres_url, id) == (1, 1)


def test_who_finds_no_slot_does_not_wait_for_those_who_are_at_work_with_the_limit(
    postgres_url: str,
) -> None:
    id = new(postgres_url, "full", active_slots=1)

    def giving_back(tx: Transaction) -> list[Limit] | float:
        give_back_slots(tx, [Return(id, 1)])
        with ThreadPoolExecutor(1) as pool:
            asked = Asked(["full"], 1)
            return pool.submit(write, postgres_url, lambda tx: ask(tx, Settings(), asked)).result(
                30
            )

    assert isinstance(write(postgres_url, giving_back), float)
