"""Nothing was heard of a worker, a pool, a deployment or a queue: the foreman says so."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Table, update

from ephemeral_server.clock import SECOND
from ephemeral_server.database.tables import deployment, flow, work_pool, work_queue, worker
from ephemeral_server.services import foreman
from ephemeral_server.services.foreman import Foreman
from tests.api.work_pools.polls import change, remove, row
from tests.application import Application
from tests.services.passes import Passes


class Site:
    """A pool with a worker, a queue and a deployment, all of them seen just now."""

    def __init__(self, application: Application) -> None:
        self.application = application
        now = application.clock.now()
        seen = {"status": "READY", "last_polled": now}
        self.pool = application.insert(work_pool, status="READY")
        self.worker = application.insert(
            worker, work_pool_id=self.pool, last_heartbeat_time=now, heartbeat_interval_seconds=5
        )
        self.queue = application.insert(work_queue, work_pool_id=self.pool, **seen)
        self.deployment = application.insert(
            deployment, flow_id=application.insert(flow), work_queue_id=self.queue, **seen
        )

    def pass_after(self, seconds: float) -> Foreman:
        """What a pass does in some seconds."""
        self.application.clock.advance(seconds)
        return run_once(self.application)

    def status(self, table: Table) -> str:
        """The status of the worker, pool, queue or deployment."""
        status: str = self._row(table)["status"]
        return status

    def change(self, table: Table, **values: Any) -> None:
        change(self.application, table, self._id(table), **values)

    def updated(self, table: Table) -> int:
        """When its user has changed it last."""
        instant: int = self._row(table)["updated"]
        return instant

    def told(self, table: Table) -> list[str]:
        """What events tell of it."""
        about = f"prefect.{table.name.replace('_', '-')}.{self._id(table)}"
        events = self.application.events
        return [e.event for e in events if e.resource["prefect.resource.id"] == about]

    def _row(self, table: Table) -> dict[str, Any]:
        return row(self.application, table, self._id(table))

    def _id(self, table: Table) -> str:
        return {
            worker: self.worker,
            work_pool: self.pool,
            work_queue: self.queue,
            deployment: self.deployment,
        }[table]


def run_once(application: Application) -> Foreman:
    runtime = application.runtime
    return application.wait(foreman.run_once(runtime.database, runtime.settings))


@pytest.fixture
def site(application: Application) -> Site:
    application.clock.advance(3600)
    run_once(application)  # with what former tests have left
    return Site(application)


def test_in_the_course_of_time(site: Site) -> None:
    """The heartbeat interval is 5 s, three of which are waited for; polls are so for a minute."""
    first = Foreman(workers=1, work_pools=1)
    later = Foreman(deployments=1, work_queues=1)
    nothing = Foreman()
    course = [
        (15, nothing, ("ONLINE", "READY", "READY", "READY")),
        (0.000001, first, ("OFFLINE", "NOT_READY", "READY", "READY")),
        (44.999999, nothing, ("OFFLINE", "NOT_READY", "READY", "READY")),
        (0.000001, later, ("OFFLINE", "NOT_READY", "NOT_READY", "NOT_READY")),
        (3600, nothing, ("OFFLINE", "NOT_READY", "NOT_READY", "NOT_READY")),
    ]
    tables = (worker, work_pool, work_queue, deployment)
    for seconds, expected, statuses in course:
        assert site.pass_after(seconds) == expected
        assert tuple(site.status(table) for table in tables) == statuses


@pytest.mark.parametrize("interval", [None, 5, 3600, 2**31 - 1])
def test_a_worker_is_waited_for_three_of_its_intervals(site: Site, interval: int | None) -> None:
    site.change(worker, heartbeat_interval_seconds=interval)
    assert site.pass_after(3 * (interval or 30)).workers == 0
    assert site.pass_after(0.000001).workers == 1


def test_nobody_is_told_of_workers(site: Site) -> None:
    site.pass_after(60)
    assert site.told(worker) == []


@pytest.mark.parametrize("table", [work_pool, work_queue, deployment], ids=lambda t: str(t.name))
def test_an_event_tells_of_what_is_not_ready_any_more(site: Site, table: Table) -> None:
    for _ in range(2):
        site.pass_after(61)
    assert site.told(table) == [f"prefect.{table.name.replace('_', '-')}.not-ready"]


@pytest.mark.parametrize("table", [work_queue, deployment], ids=lambda t: str(t.name))
def test_what_users_have_changed_last_stays(site: Site, table: Table) -> None:
    updated = site.updated(table)
    site.pass_after(61)
    assert (site.status(table), site.updated(table)) == ("NOT_READY", updated)


def test_a_pool_is_ready_as_long_as_one_worker_is_online(site: Site) -> None:
    other = site.application.insert(
        worker,
        work_pool_id=site.pool,
        last_heartbeat_time=site.application.clock.now() + 10 * SECOND,
        heartbeat_interval_seconds=5,
    )
    assert site.pass_after(16) == Foreman(workers=1)
    assert site.pass_after(10) == Foreman(workers=1, work_pools=1)
    remove(site.application, worker, other)


def test_a_pool_without_workers_is_not_ready(site: Site) -> None:
    remove(site.application, worker, site.worker)
    assert site.pass_after(0) == Foreman(work_pools=1)


@pytest.mark.parametrize("table", [work_pool, work_queue], ids=lambda t: str(t.name))
def test_what_is_paused_stays_so(site: Site, table: Table) -> None:
    site.change(table, status="PAUSED")
    site.pass_after(3600)
    assert site.status(table) == "PAUSED"
    assert site.told(table) == []


def test_a_deployment_is_ready_as_long_as_its_queue_is_polled(site: Site) -> None:
    site.change(deployment, last_polled=site.application.clock.now() - 50 * SECOND)
    assert site.pass_after(60) == Foreman(workers=1, work_pools=1)
    assert site.pass_after(0.000001) == Foreman(deployments=1, work_queues=1)


def test_a_deployment_is_ready_as_long_as_it_is_polled_itself(site: Site) -> None:
    site.change(work_queue, last_polled=None)
    assert site.pass_after(60) == Foreman(workers=1, work_pools=1, work_queues=1)
    assert site.pass_after(0.000001) == Foreman(deployments=1)


def test_a_deployment_without_a_queue(site: Site) -> None:
    site.change(deployment, work_queue_id=None)
    assert site.pass_after(60.000001).deployments == 1


def test_any_number_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreman, "BATCH", 3)
    past = site.application.clock.now() - 61 * SECOND
    for _ in range(7):
        site.application.insert(
            work_queue, work_pool_id=site.pool, status="READY", last_polled=past
        )
    assert site.pass_after(0) == Foreman(work_queues=7)


def test_two_servers_do_it_once(site: Site, passes: Passes) -> None:
    settings = site.application.runtime.settings
    site.application.clock.advance(61)
    passes.meanwhile = lambda database: foreman.run_once(database, settings)

    assert passes.foreman() == Foreman()

    for table in (work_pool, work_queue, deployment):
        assert len(site.told(table)) == 1


def test_what_is_seen_meanwhile_is_left_alone(site: Site, passes: Passes) -> None:
    now = site.application.clock.now() + 61 * SECOND
    beat = update(worker).where(worker.c.id == site.worker).values(last_heartbeat_time=now)
    passes.meanwhile = lambda database: database.write(lambda tx: tx.connection.execute(beat))
    site.application.clock.advance(61)

    assert passes.foreman() == Foreman(deployments=1, work_queues=1)

    assert site.status(worker) == "ONLINE"


def test_by_its_name(application: Application) -> None:
    assert isinstance(application.wait(application.runtime.run_service("foreman")), Foreman)
