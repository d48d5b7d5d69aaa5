"""How SQLite finds what a poll asks for: in indexes that hold few of all runs.

A plan is the same whatever the tables hold: SQLite has no statistics here.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ephemeral_server.database.tables import work_pool
from ephemeral_server.settings import Settings
from tests.api.work_pools.polls import Pool, change
from tests.application import Application
from tests.leaks import LeakGuard
from tests.plans import Planned, plans_of


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory, leak_guard: LeakGuard) -> Iterator[Pool]:
    """A limited pool on SQLite, with a run."""
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('polled') / 'server.db'}"
    with leak_guard.adopt():
        application = Application(Settings(database_url=url, ephemeral=True))
        with application.running():
            made = Pool(application, concurrency_limit=100)
            made.queue("q")
            made.run("q")
            yield made


def reads(pool: Pool) -> list[Planned]:
    """What is read before a poll writes anything."""
    path = f"/work_pools/{pool.name}/get_scheduled_flow_runs"
    return plans_of(pool.application, path, {"scheduled_before": pool.time(10)})


def test_each_statement_finds_its_rows_by_an_index(pool: Pool) -> None:
    pool_row, queues, taken, runs = (statement.plan for statement in reads(pool))
    assert pool_row[0].startswith("SEARCH work_pool USING INDEX")
    assert queues[0].startswith("SEARCH work_queue USING INDEX")
    assert "INDEX ix_flow_run_scheduled_work_queue_id (work_queue_id=? AND" in " ".join(queues)
    assert "COVERING INDEX ix_deployment_work_queue_id (work_queue_id=?" in " ".join(queues)
    assert "COVERING INDEX ix_flow_run_busy (work_queue_id=?" in " ".join(taken)
    assert "INDEX ix_flow_run_claim_until (until>?)" in " ".join(taken)
    assert "INDEX ix_flow_run_scheduled_work_queue_id (work_queue_id=? AND" in runs[0]
    for plan in (queues, taken, runs):
        assert "SCAN flow_run" not in " ".join(plan)
        assert "INDEX ix_flow_run_work_queue_id" not in " ".join(plan)


def test_runs_come_sorted(pool: Pool) -> None:
    *_, runs = reads(pool)
    assert "USE TEMP B-TREE FOR ORDER BY" not in runs.plan


def test_slots_are_counted_only_where_there_is_a_limit(pool: Pool) -> None:
    change(pool.application, work_pool, pool.id, concurrency_limit=None)
    try:
        assert len(reads(pool)) == 3
    finally:
        change(pool.application, work_pool, pool.id, concurrency_limit=100)
