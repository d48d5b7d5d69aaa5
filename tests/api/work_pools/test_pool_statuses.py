"""Whether a work pool is ready, and what is told of that."""

from __future__ import annotations

from sqlalchemy import update

from ephemeral_server.database.tables import worker
from tests.api.work_pools.pools import Pool
from tests.application import Application


def test_a_heartbeat_makes_a_pool_ready(pool: Pool) -> None:
    pool.heartbeat()

    assert pool.read()["status"] == "READY"
    assert pool.told()[-1] == "work-pool.ready"


def test_a_further_heartbeat_tells_nothing(pool: Pool) -> None:
    pool.heartbeat()
    before = pool.told()
    pool.heartbeat()
    pool.heartbeat("another")

    assert pool.told() == before


def test_a_pool_is_paused_whatever_it_was(pool: Pool) -> None:
    pool.change(is_paused=True)
    assert pool.read()["status"] == "PAUSED"
    pool.change(is_paused=False)
    pool.heartbeat()
    pool.change(is_paused=True)

    assert pool.read()["status"] == "PAUSED"


def test_a_heartbeat_does_not_end_a_pause(pool: Pool) -> None:
    pool.change(is_paused=True)
    before = pool.told()
    pool.heartbeat()

    assert pool.read()["status"] == "PAUSED"
    assert pool.told() == before


def test_after_a_pause_a_pool_is_ready_if_a_worker_is_online(pool: Pool) -> None:
    pool.change(is_paused=True)
    pool.change(is_paused=False)
    assert pool.read()["status"] == "NOT_READY"
    pool.heartbeat()
    pool.change(is_paused=True)
    pool.change(is_paused=False)

    assert pool.read()["status"] == "READY"


def test_a_worker_that_is_offline_makes_no_pool_ready(pool: Pool) -> None:
    pool.heartbeat()
    pool.application.write(
        lambda tx: tx.connection.execute(update(worker).values(status="OFFLINE"))
    )
    pool.change(is_paused=False)

    assert pool.read()["status"] == "NOT_READY"


def test_pausing_is_told_every_time(pool: Pool) -> None:
    before = len(pool.told())
    for paused in (True, True, False, False):
        pool.change(is_paused=paused)

    assert pool.told()[before:] == [
        "work-pool.paused",
        "work-pool.paused",
        "work-pool.not-ready",
        "work-pool.not-ready",
    ]


def test_the_status_is_told_before_the_change(pool: Pool) -> None:
    pool.change(is_paused=True, description="x")

    assert pool.told()[-2:] == ["work-pool.paused", "work-pool.updated"]


def test_a_status_follows_the_one_before_unless_that_was_the_first(pool: Pool) -> None:
    pool.heartbeat()
    pool.change(is_paused=True)
    _, _, first, ready, paused = pool.events()

    assert first.event.endswith("not-ready")
    assert ready.follows is None
    assert paused.follows == ready.id


def test_a_status_follows_none_that_is_ten_minutes_old(pool: Pool) -> None:
    pool.heartbeat()
    pool.application.clock.advance(599)
    pool.change(is_paused=True)
    pool.application.clock.advance(600)
    pool.change(is_paused=False)
    ready, paused, unpaused = pool.events()[3:]

    assert (paused.follows, unpaused.follows) == (ready.id, None)


def test_a_status_is_a_change_of_the_pool(pool: Pool) -> None:
    pool.application.clock.advance(1)
    pool.heartbeat()

    assert pool.read()["updated"] > pool.made["updated"]


def test_pausing_a_pool_that_agents_serve_tells_nothing(application: Application) -> None:
    pool = Pool(application, type="prefect-agent")
    before = pool.told()
    pool.change(is_paused=True)

    assert pool.told() == before
    assert (pool.read()["status"], pool.read()["is_paused"]) == (None, True)
