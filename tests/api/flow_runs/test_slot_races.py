"""Slots of limits that are asked for at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, insert, select

from ephemeral_server import EphemeralServer
from ephemeral_server.database import Transaction
from ephemeral_server.database.tables import concurrency_lease, concurrency_limit, deployment
from ephemeral_server.ids import new_id
from ephemeral_server.limits.releases import release_expired
from tests import web
from tests.api.objects import new_flow, new_flow_run, new_task_run, set_state
from tests.crowd import together
from tests.databases import write
from tests.rows import filled

T = TypeVar("T")

#: How many ask at once.
MANY = 8
CLIENT = {"User-Agent": "prefect/3.8.8 (API 0.8.4)"}


class Shop:
    """A server, and its database reached by another way.

    Args:
        api: the server's API; its client is one that renews leases.
        url: of the database.
    """

    def __init__(self, api: httpx.Client, url: str) -> None:
        self.api, self._url = api, url
        self.flow_id: str = new_flow(api)["id"]

    def work(self, unit: Callable[[Transaction], T]) -> T:
        """The result of a unit of work in a process's own connection."""
        return write(self._url, unit)

    def limit(self, slots: int, **columns: Any) -> str:
        """A limit; its id."""
        row = {"slots": slots, "name": str(uuid4()), **columns}
        return self.work(lambda tx: _insert(tx, concurrency_limit, row))

    def deployment(self, limit_id: str) -> str:
        """A deployment with a limit; its id."""
        row = {"flow_id": self.flow_id, "concurrency_limit_id": limit_id, "name": str(uuid4())}
        return self.work(lambda tx: _insert(tx, deployment, row))

    def run(self, deployment_id: str, state: str = "SCHEDULED") -> str:
        """The path of a new run of the deployment."""
        run = new_flow_run(self.api, state, flow_id=self.flow_id, deployment_id=deployment_id)
        return f"/flow_runs/{run['id']}"

    def count(self, limit_id: str) -> tuple[int, int]:
        """How many slots of the limit are taken, and how many leases there are at all."""
        taken = select(concurrency_limit.c.active_slots).where(concurrency_limit.c.id == limit_id)
        leases = select(func.count()).select_from(concurrency_lease)

        def unit(tx: Transaction) -> tuple[int, int]:
            execute = tx.connection.execute
            return execute(taken).scalar_one(), execute(leases).scalar_one()

        return self.work(unit)

    def proposing(self, path: str, type: str, **given: Any) -> Callable[[], httpx.Response]:
        """A request that proposes a state."""
        return lambda: set_state(self.api, path, type, **given)


def _insert(tx: Transaction, table: Any, row: dict[str, Any]) -> str:
    now = tx.now()
    id = new_id(now)
    tx.connection.execute(insert(table), filled(table, {"id": id, **row}, now))
    return id


@pytest.fixture
def shop(server: EphemeralServer, database_url: str) -> Iterator[Shop]:
    with web.client(server.api_url, headers=CLIENT) as api:
        yield Shop(api, database_url)


def outcomes(answers: list[httpx.Response]) -> Counter[tuple[str, str]]:
    return Counter((answer.json()["status"], answer.json()["state"]["name"]) for answer in answers)


def test_of_many_workers_on_the_last_slot_one_gets_it(shop: Shop) -> None:
    limit = shop.limit(3, active_slots=2)
    deployment_id = shop.deployment(limit)
    paths = [shop.run(deployment_id) for _ in range(MANY)]

    answers = together(*(shop.proposing(path, "PENDING") for path in paths))

    assert outcomes(answers) == {
        ("ACCEPT", "Pending"): 1,
        ("REJECT", "AwaitingConcurrencySlot"): MANY - 1,
    }
    assert shop.count(limit) == (3, 1)


def test_of_many_tasks_on_the_last_slots_each_gets_all_of_its_tags_or_none(shop: Shop) -> None:
    first, second = (shop.limit(slots, name=f"tag:{slots}") for slots in (2, 3))
    # In both orders, so that they would wait for each other.
    runs = [new_task_run(shop.api, tags=["2", "3"] if n % 2 else ["3", "2"]) for n in range(MANY)]

    paths = [f"/task_runs/{run['id']}" for run in runs]
    answers = together(*(shop.proposing(path, "RUNNING") for path in paths))

    assert outcomes(answers) == {("ACCEPT", "Running"): 2, ("WAIT", "Pending"): MANY - 2}
    assert shop.count(first) == (2, 2)
    assert shop.count(second) == (2, 2)


def test_a_run_that_is_ended_by_many_gives_its_slot_back_once(shop: Shop) -> None:
    limit = shop.limit(5, active_slots=2)
    path = shop.run(shop.deployment(limit))
    set_state(shop.api, path, "PENDING")
    set_state(shop.api, path, "RUNNING")
    assert shop.count(limit) == (3, 1)

    ending = ["COMPLETED", "FAILED", "CANCELLED", "CRASHED"] * 2
    answers = together(*(shop.proposing(path, type, force=True) for type in ending))

    assert {answer.status_code for answer in answers} == {201}
    assert shop.count(limit) == (2, 0)


def test_runs_that_come_and_go_at_once_leave_no_slot_taken(shop: Shop) -> None:
    limit = shop.limit(MANY)
    deployment_id = shop.deployment(limit)

    def life() -> httpx.Response:
        path = shop.run(deployment_id)
        for type in ("PENDING", "RUNNING"):
            set_state(shop.api, path, type)
        return set_state(shop.api, path, "COMPLETED")

    assert outcomes(together(*[life] * MANY)) == {("ACCEPT", "Completed"): MANY}
    assert shop.count(limit) == (0, 0)


def test_a_run_that_is_deleted_while_it_takes_a_slot_leaves_none_taken(shop: Shop) -> None:
    limit = shop.limit(MANY)
    deployment_id = shop.deployment(limit)
    paths = [shop.run(deployment_id) for _ in range(MANY)]

    answers = together(
        *(shop.proposing(path, "PENDING") for path in paths),
        *(partial(shop.api.delete, path) for path in paths),
    )

    assert {answer.status_code for answer in answers[:MANY]} <= {201, 404}
    assert {answer.status_code for answer in answers[MANY:]} == {204}
    assert shop.count(limit) == (0, 0)


def test_slots_that_expire_while_their_runs_end_come_back_once(shop: Shop) -> None:
    limit = shop.limit(2 * MANY, active_slots=3)
    deployment_id = shop.deployment(limit)
    paths = [shop.run(deployment_id) for _ in range(MANY)]
    for path in paths:
        set_state(shop.api, path, "PENDING")
    assert shop.count(limit) == (3 + MANY, MANY)
    shop.work(lambda tx: tx.connection.execute(concurrency_lease.update().values(expiration=0)))

    def repossess() -> httpx.Response:
        shop.work(lambda tx: release_expired(tx, 3))
        return httpx.Response(204)

    answers = together(*(shop.proposing(path, "CANCELLED") for path in paths), repossess, repossess)

    assert {answer.status_code for answer in answers} == {201, 204}
    assert shop.count(limit) == (3, 0)
