"""Deployments are marked when their runs are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from ephemeral_server.clock import SECOND
from ephemeral_server.database.tables import deployment, flow, work_pool, work_queue
from ephemeral_server.deployments.polled import (
    YOUNG,
    are_to_be_marked,
    mark_deployments_polled,
    named,
    served_by,
)
from tests.application import Application


class Polled:
    """Deployments of one queue."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.dialect = application.runtime.database.dialect
        pool = application.insert(work_pool)
        self.queue = application.insert(work_queue, work_pool_id=pool)
        self.flow = application.insert(flow)

    def deployment(self, **given: Any) -> str:
        return self.application.insert(
            deployment, flow_id=self.flow, work_queue_id=self.queue, **given
        )

    def mark(self, *ids: str) -> None:
        self.application.write(mark_deployments_polled, named(ids, self.dialect))

    def is_due(self, *ids: str) -> bool:
        now = self.application.clock.now()
        return self.application.read(are_to_be_marked, named(ids, self.dialect), now)

    def row(self, id: str) -> dict[str, Any]:
        def read(connection: Connection) -> dict[str, Any]:
            query = select(deployment).where(deployment.c.id == id)
            return dict(connection.execute(query).mappings().one())

        return self.application.read(read)

    def told_ready(self, id: str) -> int:
        about = f"prefect.deployment.{id}"
        return sum(
            event.event == "prefect.deployment.ready"
            and event.resource["prefect.resource.id"] == about
            for event in self.application.events
        )


@pytest.fixture
def polled(application: Application) -> Polled:
    return Polled(application)


def test_it_is_ready_and_told_so_once(polled: Polled) -> None:
    id = polled.deployment()
    before = polled.row(id)

    polled.mark(id)
    polled.application.clock.advance(60)
    polled.mark(id)

    now = polled.application.clock.now()
    assert polled.row(id) == {**before, "status": "READY", "last_polled": now}
    assert polled.told_ready(id) == 1


def test_a_young_mark_is_left_as_it_is(polled: Polled) -> None:
    id = polled.deployment()
    assert polled.is_due(id)
    polled.mark(id)
    first = polled.row(id)

    polled.application.clock.advance(YOUNG / SECOND - 0.000001)
    assert not polled.is_due(id)
    polled.mark(id)
    assert polled.row(id) == first

    polled.application.clock.advance(0.000001)
    assert polled.is_due(id)


def test_one_that_is_not_ready_any_more_is_marked_however_young_its_mark(polled: Polled) -> None:
    id = polled.deployment(last_polled=polled.application.clock.now())
    assert polled.is_due(id)

    polled.mark(id)

    assert polled.row(id)["status"] == "READY"
    assert polled.told_ready(id) == 1


def test_those_of_a_queue_are_marked_with_it(polled: Polled) -> None:
    own = [polled.deployment() for _ in range(3)]
    other = Polled(polled.application).deployment()

    polled.application.write(mark_deployments_polled, served_by([polled.queue], polled.dialect))

    assert {polled.row(id)["status"] for id in own} == {"READY"}
    assert polled.row(other)["status"] == "NOT_READY"
    assert [polled.told_ready(id) for id in (*own, other)] == [1, 1, 1, 0]


def test_any_number_may_be_named(polled: Polled) -> None:
    id = polled.deployment()
    many = [f"00000000-0000-4000-8000-{number:012}" for number in range(40_000)]

    polled.mark(*many, id)

    assert polled.row(id)["status"] == "READY"
