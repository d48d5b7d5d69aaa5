"""Whether a queue is paused or ready, as changes of it decide."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from ephemeral_server.clock import to_datetime
from ephemeral_server.database.tables import work_queue
from tests.api.work_pools.pools import Pool


def polled(pool: Pool, seconds: float) -> str:
    """The text of an instant some seconds ago."""
    return to_datetime(pool.application.clock.now() - round(seconds * 1_000_000)).isoformat()


def statuses(pool: Pool) -> list[str]:
    told = (name.removeprefix("work-queue.") for name in pool.told())
    return [name for name in told if name in ("ready", "not-ready", "paused")]


def test_a_queue_that_is_made_paused_is_not_ready(pool: Pool) -> None:
    made = pool.add_queue("a", is_paused=True)

    assert (made["status"], made["is_paused"]) == ("NOT_READY", True)
    assert statuses(pool) == []


def test_a_queue_is_paused_once(pool: Pool) -> None:
    pool.change_queue("default", is_paused=True)
    pool.change_queue("default", is_paused=True)

    assert pool.queue("default")["status"] == "PAUSED"
    assert statuses(pool) == ["paused"]


def test_a_queue_that_is_ready_can_be_paused(pool: Pool) -> None:
    mine = work_queue.c.id == pool.made["default_queue_id"]
    ready = update(work_queue).where(mine).values(status="READY")
    pool.application.write(lambda tx: tx.connection.execute(ready))
    pool.change_queue("default", is_paused=True)

    assert pool.queue("default")["status"] == "PAUSED"


@pytest.mark.parametrize(("seconds", "status"), [(60, "READY"), (60.1, "NOT_READY")])
def test_after_a_pause_a_queue_is_ready_if_it_was_polled_lately(
    pool: Pool, seconds: float, status: str
) -> None:
    pool.change_queue("default", is_paused=True, last_polled=polled(pool, seconds))
    pool.change_queue("default", is_paused=False)

    assert pool.queue("default")["status"] == status
    assert statuses(pool) == ["paused", status.lower().replace("_", "-")]


def test_when_it_was_polled_may_come_with_the_end_of_the_pause(pool: Pool) -> None:
    pool.change_queue("default", is_paused=True)
    pool.change_queue("default", is_paused=False, last_polled=polled(pool, 0))
    assert pool.queue("default")["status"] == "READY"
    pool.change_queue("default", is_paused=True)
    pool.change_queue("default", is_paused=False, last_polled=None)

    assert pool.queue("default")["status"] == "NOT_READY"
    assert pool.queue("default")["last_polled"] is None


def test_a_queue_that_was_never_polled_is_not_ready_after_a_pause(pool: Pool) -> None:
    pool.change_queue("default", is_paused=True)
    pool.change_queue("default", is_paused=False)

    assert pool.queue("default")["status"] == "NOT_READY"


def test_ending_no_pause_changes_nothing(pool: Pool) -> None:
    pool.change_queue("default", is_paused=False, last_polled=polled(pool, 0))

    assert pool.queue("default")["status"] == "NOT_READY"
    assert statuses(pool) == []


def test_the_change_is_told_before_the_status(pool: Pool) -> None:
    pool.change_queue("default", is_paused=True, description="x")

    assert pool.told()[-2:] == ["work-queue.updated", "work-queue.paused"]
