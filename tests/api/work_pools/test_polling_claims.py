"""A run that was given to a worker is kept from the others for some seconds."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from ephemeral_server.database.tables import (
    flow_run,
    flow_run_claim,
    work_pool,
    work_queue,
    worker,
)
from ephemeral_server.settings import Settings
from tests.api.work_pools.polls import Pool, change, remove
from tests.application import Application

SECONDS = Settings().claim_seconds
PENDING = {"state": {"type": "PENDING"}}


@pytest.fixture
def pool(application: Application) -> Pool:
    made = Pool(application)
    made.queue("q")
    return made


def claims(application: Application) -> int:
    """How many there are, over or not."""

    def count(connection: Connection) -> int:
        query = select(func.count()).select_from(flow_run_claim)
        return connection.execute(query).scalar_one()

    return application.read(count)


def test_others_get_the_next_ones(pool: Pool) -> None:
    for number in range(5):
        pool.run("q", number, f"run {number}")
    assert pool.poll(limit=2) == ["run 0", "run 1"]
    assert pool.poll(limit=2) == ["run 2", "run 3"]
    assert pool.poll(limit=2) == ["run 4"]
    assert pool.poll(limit=2) == []


def test_after_some_seconds_it_is_given_again(pool: Pool) -> None:
    pool.run("q")
    assert pool.poll() == ["run"]
    pool.application.clock.advance(SECONDS - 0.000001)
    assert pool.poll() == []
    pool.application.clock.advance(0.000001)
    assert pool.poll() == ["run"]
    assert pool.poll() == []


def test_a_run_that_has_entered_another_state_is_given_at_once(pool: Pool) -> None:
    id = pool.run("q")
    assert pool.poll() == ["run"]
    pool.enter(id, "SCHEDULED")
    assert pool.poll() == ["run"]


def test_a_claim_is_lost_with_its_run(pool: Pool) -> None:
    id = pool.run("q")
    pool.poll()
    before = claims(pool.application)
    remove(pool.application, flow_run, id)
    assert claims(pool.application) == before - 1
    assert pool.poll() == []


@pytest.mark.parametrize("table", [work_pool, work_queue], ids=lambda table: str(table.name))
def test_what_is_claimed_takes_slots(pool: Pool, table: Any) -> None:
    id = pool.id if table is work_pool else pool.queues["q"]
    change(pool.application, table, id, concurrency_limit=2)
    for number in range(4):
        pool.run("q", number, f"run {number}")

    assert pool.poll(limit=1) == ["run 0"]
    assert pool.poll() == ["run 1"]
    assert pool.poll() == []

    pool.application.clock.advance(SECONDS)
    assert pool.poll() == ["run 0", "run 1"]


def test_a_claimed_run_that_is_begun_takes_one_slot(pool: Pool) -> None:
    change(pool.application, work_pool, pool.id, concurrency_limit=2)
    first, _ = (pool.run("q", number, f"run {number}") for number in range(2))
    assert pool.poll(limit=1) == ["run 0"]
    pool.enter(first, "PENDING")
    assert pool.poll() == ["run 1"]


def test_claims_of_other_pools_take_no_slots_here(pool: Pool) -> None:
    other = Pool(pool.application, concurrency_limit=1)
    other.queue("q")
    other.run("q")
    pool.run("q")
    assert pool.poll() == ["run"]
    assert other.poll() == ["run"]


def test_the_ui_sees_all_and_claims_nothing(pool: Pool) -> None:
    change(pool.application, work_pool, pool.id, concurrency_limit=1)
    for number in range(2):
        pool.run("q", number, f"run {number}")
    ui = {"X-PREFECT-UI": "true"}
    assert pool.poll(ui) == ["run 0"]
    assert pool.poll() == ["run 0"]
    assert pool.poll(ui) == ["run 0"]


@pytest.mark.parametrize(
    ("online", "expected"), [(0, [25]), (1, [25]), (2, [13, 10, 2]), (8, [10, 10, 5])]
)
def test_workers_share_what_is_there(pool: Pool, online: int, expected: list[int]) -> None:
    now = pool.application.clock.now()
    for status, number in (("ONLINE", online), ("OFFLINE", 3)):
        for _ in range(number):
            beat = {"status": status, "last_heartbeat_time": now}
            pool.application.insert(worker, work_pool_id=pool.id, **beat)
    for number in range(25):
        pool.run("q", name=f"run {number}")
    assert len(pool.look()) == 25
    given = [pool.poll() for _ in expected]
    assert [len(names) for names in given] == expected
    assert len({name for names in given for name in names}) == 25


def test_who_does_not_say_until_when_sees_all_and_claims_nothing(pool: Pool) -> None:
    pool.run("q")
    assert pool.look() == ["run"]
    assert pool.poll() == ["run"]
    assert pool.look() == ["run"]


def test_claims_that_are_over_do_not_pile_up(pool: Pool) -> None:
    for number in range(3):
        pool.run("q", number, f"run {number}")
    pool.poll()
    pool.application.clock.advance(SECONDS)
    pool.poll(limit=1)
    assert claims(pool.application) == 1


def test_of_two_workers_that_have_a_run_one_begins_it(pool: Pool) -> None:
    id = pool.run("q")
    assert pool.poll() == ["run"]
    pool.application.clock.advance(SECONDS)
    assert pool.poll() == ["run"]
    answers = [pool.application.post(f"/flow_runs/{id}/set_state", PENDING) for _ in range(2)]
    assert [answer.json()["status"] for answer in answers] == ["ACCEPT", "ABORT"]


def test_a_poll_for_nothing_writes_nothing(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    change(pool.application, work_queue, pool.queues["q"], concurrency_limit=0)
    pool.run("q")
    pool.poll()  # marks the queue
    pool.application.wait(pool.application.runtime.drain())  # its event is written
    database, written = pool.application.runtime.database, []
    write = database.write

    async def noted(work: Any, *args: Any, **kwargs: Any) -> Any:
        written.append(work)
        return await write(work, *args, **kwargs)

    monkeypatch.setattr(database, "write", noted)
    assert pool.poll() == []
    assert written == []
    pool.application.clock.advance(60)
    assert pool.poll() == []
    assert len(written) == 1
