"""Heartbeats of workers."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import select

from ephemeral_server.database.tables import worker
from ephemeral_server.work_pools.creation import create_pool
from ephemeral_server.work_pools.store import read_pool
from ephemeral_server.work_pools.wire import WORK_POOL
from ephemeral_server.workers.store import record_heartbeat
from tests.application import Application


def test_the_first_heartbeat_makes_a_worker_and_readies_its_pool(application: Application) -> None:
    pool = application.write(create_pool, f"pool-{uuid4()}", "process")
    application.write(record_heartbeat, pool, "w", 5)
    application.write(record_heartbeat, pool, "w", None)

    rows = application.read(lambda c: c.execute(select(worker)).mappings().all())
    assert [(row["name"], row["heartbeat_interval_seconds"]) for row in rows] == [("w", 5)]
    found = application.read(read_pool, pool["name"])
    assert found is not None
    assert found["status"] == "READY"
    assert WORK_POOL.render_row(found)
