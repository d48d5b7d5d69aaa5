"""A worker's channel after its greeting: heartbeats, snapshots of the pool, and the end."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ephemeral_server.database import Transaction
from ephemeral_server.work_pools.store import update_pool
from ephemeral_server.workers.channel import connection
from tests.application import Application
from tests.workers.pools import Pool
from tests.workers.said import frame, heartbeat, hello
from tests.workers.talking import TalkingWorker, working

PROTOCOL_ERROR = (1002, "protocol_error")
AUTHORIZATION_FAILED = (1008, "authorization_failed")


def signs(worker: TalkingWorker) -> tuple[int, str]:
    """Sequence and reason of the next snapshot."""
    snapshot = worker.snapshot()
    return snapshot["snapshot_sequence"], snapshot["reason"]


# Heartbeats


def test_a_heartbeat_is_recorded_and_not_answered(application: Application, pool: Pool) -> None:
    with working(application, pool.name) as worker:
        [before] = pool.workers()
        application.clock.advance(30)
        worker.beat(heartbeat_interval_seconds=20)
        # What comes next is the answer to this, so there was none to the heartbeat.
        assert worker.operate("ack", pool.id, "token")["status"] == "unauthorized"
        [after] = pool.workers()
    assert after["last_heartbeat_time"] > before["last_heartbeat_time"]
    assert after["heartbeat_interval_seconds"] == 20


@pytest.mark.parametrize(
    "said",
    [
        lambda said: heartbeat(said, worker_name="other"),
        lambda said: heartbeat(said, consumer_id="0" * 32),
        lambda said: heartbeat(said, other=1),
        lambda said: frame("worker.hello.v1", said),
        lambda said: frame("other.v1", {}),
        lambda said: "garbage",
        lambda said: b"{}",
    ],
    ids=["other name", "other consumer", "too much", "hello again", "unknown", "text", "bytes"],
)
def test_a_frame_that_makes_no_sense_ends_the_channel(
    application: Application, pool: Pool, said: Any
) -> None:
    with working(application, pool.name) as worker:
        worker.say(said(worker.hello))
        assert worker.end() == PROTOCOL_ERROR


def test_a_worker_is_asked_to_come_again_if_its_heartbeat_is_not_recorded(
    application: Application,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(tx: Transaction, *given: Any) -> None:
        raise OSError("disk full")

    with working(application, pool.name) as worker:
        monkeypatch.setattr(connection, "beat", fails)
        worker.beat()
        assert worker.end() == (1011, "heartbeat_persistence_failed")
    assert [each.levelno for each in caplog.records].count(logging.ERROR) == 1


def test_a_worker_that_was_forgotten_is_back_with_its_heartbeat(
    application: Application, pool: Pool
) -> None:
    with working(application, pool.name) as worker:
        assert application.delete(f"{pool.path}/workers/worker").status_code == 204
        pool.change(description="new")
        worker.beat()
        worker.snapshot()
    assert len(pool.workers()) == 1


# Snapshots


@pytest.mark.parametrize(
    "change",
    [
        {"is_paused": True},
        {"concurrency_limit": 5},
        {"concurrency_limit": None},
        {"storage_configuration": {}},
        {
            "base_job_template": {
                "job_configuration": {"x": "{{ x }}"},
                "variables": {"properties": {"x": {}}},
            }
        },
    ],
)
def test_a_change_that_workers_heed_is_told_at_once(
    application: Application, pool: Pool, change: dict[str, Any]
) -> None:
    with working(application, pool.name) as one, working(application, pool.name) as other:
        pool.change(**change)
        for worker in (one, other):
            assert worker.snapshot() == {
                "snapshot_sequence": 2,
                "reason": "work_pool_updated",
                "work_pool": pool.read(),
            }


def test_another_change_is_told_at_the_next_heartbeat(application: Application, pool: Pool) -> None:
    with working(application, pool.name) as worker:
        pool.change(description="new")
        worker.beat()
        assert worker.snapshot() == {
            "snapshot_sequence": 2,
            "reason": "heartbeat_reconciliation",
            "work_pool": pool.read(),
        }
        worker.beat()  # brings nothing any more
        pool.change(is_paused=True)
        assert signs(worker) == (3, "work_pool_updated")
        worker.beat()  # neither does this
        pool.change(is_paused=False)
        assert signs(worker) == (4, "work_pool_updated")


def test_what_is_no_change_of_the_pool_is_not_told(application: Application, pool: Pool) -> None:
    with working(application, pool.name) as worker:
        pool.queue("other")
        application.post(f"{pool.path}/workers/heartbeat", {"name": "other"})
        application.clock.advance(1)
        worker.beat()
        pool.change(is_paused=True)
        assert signs(worker) == (2, "work_pool_updated")


def test_changes_in_a_row_are_told_once(application: Application, pool: Pool) -> None:
    def change(tx: Transaction) -> None:
        for limit in range(20):
            update_pool(tx, pool.name, {"concurrency_limit": limit})

    with working(application, pool.name) as worker:
        application.write(change)
        assert worker.snapshot()["work_pool"]["concurrency_limit"] == 19
        pool.change(is_paused=True)
        assert signs(worker) == (3, "work_pool_updated")


def test_the_workers_of_other_pools_are_not_told(application: Application, pool: Pool) -> None:
    elsewhere = Pool(application)
    with working(application, elsewhere.name) as worker, working(application, pool.name) as own:
        pool.change(is_paused=True)
        own.snapshot()
        elsewhere.change(concurrency_limit=7)
        assert worker.snapshot()["work_pool"]["name"] == elsewhere.name


def test_a_worker_that_does_not_read_keeps_no_other_from_being_told(
    application: Application, pool: Pool
) -> None:
    with working(application, pool.name) as slow, working(application, pool.name) as quick:
        slow.stop_reading()
        for limit in (1, 2, 3):
            pool.change(concurrency_limit=limit)
            assert quick.snapshot()["work_pool"]["concurrency_limit"] == limit
        slow.read_on()
        seen = [slow.snapshot()["work_pool"]["concurrency_limit"] for _ in range(2)]
        assert seen == [1, 3]  # the first was on its way; of the others only the latest counts
        slow.beat()
        pool.change(concurrency_limit=4)
        assert slow.snapshot()["snapshot_sequence"] == 4


# The end


def test_the_workers_of_a_deleted_pool_are_sent_off(application: Application, pool: Pool) -> None:
    with working(application, pool.name) as one, working(application, pool.name) as other:
        pool.delete()
        assert one.end() == other.end() == AUTHORIZATION_FAILED


def test_a_new_pool_of_the_same_name_is_another_pool(application: Application, pool: Pool) -> None:
    with working(application, pool.name) as worker:
        pool.delete()
        reply = application.post("/work_pools/", {"name": pool.name, "type": "process"})
        assert reply.status_code == 201
        assert worker.end() == AUTHORIZATION_FAILED


def test_a_heartbeat_finds_out_that_the_pool_was_deleted(
    application: Application, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does when another process has deleted it."""
    with working(application, pool.name) as worker:
        monkeypatch.setattr(application.runtime.database.notices, "_listeners", {})
        pool.delete()
        worker.beat()
        assert worker.end() == AUTHORIZATION_FAILED


def test_nothing_is_kept_of_workers_that_have_gone(application: Application, pool: Pool) -> None:
    with working(application, pool.name), working(application, pool.name):
        pool.change(is_paused=True)
    channels = application.runtime.worker_channels
    assert channels._audiences == {}
    assert channels._greetings == []


def test_a_worker_that_goes_before_it_is_greeted_leaves_nothing(
    application: Application, pool: Pool
) -> None:
    worker = TalkingWorker(application, pool.name)
    worker.say({"type": "auth"})
    worker.say(frame("worker.hello.v1", hello()))
    worker.leave()
    assert application.runtime.worker_channels._audiences == {}
