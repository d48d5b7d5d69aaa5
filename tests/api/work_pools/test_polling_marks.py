"""What is polled is ready: the queues, and the deployments that are assigned to them."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.database.tables import deployment, flow, work_pool, work_queue
from tests.api.work_pools.polls import Pool, change, row
from tests.application import Application


class World:
    """A pool with one deployment in each of its two queues."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.pool = Pool(application)
        self.queues = [self.pool.queue(name) for name in ("a", "b")]
        flow_id = application.insert(flow)
        self.deployments = [
            application.insert(deployment, flow_id=flow_id, work_queue_id=id) for id in self.queues
        ]

    def queue(self, place: int) -> tuple[str, int | None]:
        """The status of a queue, and when it was last polled."""
        return self._mark(row(self.application, work_queue, self.queues[place]))

    def deployment(self, place: int) -> tuple[str, int | None]:
        """The same of a deployment."""
        return self._mark(row(self.application, deployment, self.deployments[place]))

    def told(self, what: str, id: str) -> int:
        """How many events of this name tell of this object."""
        events = self.application.events
        about = [e for e in events if e.resource["prefect.resource.id"].endswith(id)]
        return sum(event.event == f"prefect.{what}" for event in about)

    @staticmethod
    def _mark(row: dict[str, Any]) -> tuple[str, int | None]:
        return row["status"], row["last_polled"]


@pytest.fixture
def world(application: Application) -> World:
    return World(application)


def test_queues_and_deployments_are_ready_from_their_first_poll_on(world: World) -> None:
    now = world.application.clock.now()
    world.pool.poll()
    for place in (0, 1):
        assert world.queue(place) == world.deployment(place) == ("READY", now)
        assert world.told("work-queue.ready", world.queues[place]) == 1
        assert world.told("deployment.ready", world.deployments[place]) == 1


def test_the_next_poll_says_only_that_it_came(world: World) -> None:
    world.pool.poll()
    world.application.clock.advance(30)
    world.pool.poll()
    now = world.application.clock.now()
    assert world.queue(0) == world.deployment(0) == ("READY", now)
    assert world.told("work-queue.ready", world.queues[0]) == 1
    assert world.told("deployment.ready", world.deployments[0]) == 1


def test_what_users_have_changed_last_stays(world: World) -> None:
    before = row(world.application, deployment, world.deployments[0])["updated"]
    queue = row(world.application, work_queue, world.queues[0])["updated"]
    world.application.clock.advance(10)
    world.pool.poll()
    assert row(world.application, deployment, world.deployments[0])["updated"] == before
    assert row(world.application, work_queue, world.queues[0])["updated"] == queue


def test_only_the_queues_that_are_asked(world: World) -> None:
    now = world.application.clock.now()
    world.pool.poll(work_queue_names=["b"])
    assert world.queue(0) == world.deployment(0) == ("NOT_READY", None)
    assert world.queue(1) == world.deployment(1) == ("READY", now)


def test_a_poll_that_gives_runs_marks_as_well(world: World) -> None:
    world.pool.run("a")
    assert world.pool.poll() == ["run"]
    assert world.queue(1)[0] == world.deployment(1)[0] == "READY"


def test_a_paused_queue_stays_paused(world: World) -> None:
    change(world.application, work_queue, world.queues[0], status="PAUSED", is_paused=True)
    now = world.application.clock.now()
    world.pool.poll()
    assert world.queue(0) == ("PAUSED", now)
    assert world.deployment(0) == ("READY", now)
    assert world.told("work-queue.ready", world.queues[0]) == 0


def test_a_paused_pool_is_polled_as_well(world: World) -> None:
    change(world.application, work_pool, world.pool.id, is_paused=True)
    world.pool.poll()
    assert world.queue(0)[0] == "READY"


def test_the_ui_marks_nothing(world: World) -> None:
    world.pool.poll({"X-PREFECT-UI": "true"})
    assert world.queue(0) == world.deployment(0) == ("NOT_READY", None)


def test_a_young_mark_is_not_renewed(world: World) -> None:
    first = world.application.clock.now()
    world.pool.poll()
    world.application.clock.advance(4)
    world.pool.poll()
    assert world.queue(0) == world.deployment(0) == ("READY", first)


def test_a_deployment_that_comes_later_is_ready_with_the_next_poll(world: World) -> None:
    world.pool.poll()
    change(world.application, deployment, world.deployments[0], status="NOT_READY")
    world.pool.poll()
    assert world.deployment(0)[0] == "READY"


def test_nothing_is_marked_for_a_queue_that_is_not_there(world: World) -> None:
    assert world.pool.ask(work_queue_names=["a", "nobody"]).status_code == 404
    assert world.queue(0) == ("NOT_READY", None)
