"""Requests about one work pool that come at the same time."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.api.objects import made
from tests.crowd import MANY, Crowd


class Pool(Crowd):
    """A pool, and who asks for it.

    Attributes:
        path: of a pool that is there.
    """

    def __init__(self, apis: list[httpx.Client]) -> None:
        super().__init__(apis)
        name = f"pool-{uuid4()}"
        made(apis[0], "/work_pools/", {"name": name, "type": "process"})
        self.path = f"/work_pools/{name}"

    def priorities(self) -> dict[str, int]:
        queues = self.apis[0].post(f"{self.path}/queues/filter", json={}).json()
        return {queue["name"]: queue["priority"] for queue in queues}


@pytest.fixture
def crowd(apis: list[httpx.Client]) -> Pool:
    return Pool(apis)


def test_of_many_who_make_a_pool_of_one_name_one_does(crowd: Pool) -> None:
    body = {"name": f"pool-{uuid4()}", "type": "process"}

    answers = crowd.ask(lambda api, _: api.post("/work_pools/", json=body))

    assert answers == {201: 1, 409: MANY - 1}
    path = f"/work_pools/{body['name']}/queues/filter"
    assert [queue["name"] for queue in crowd.apis[0].post(path, json={}).json()] == ["default"]


def test_of_many_who_make_a_queue_of_one_name_one_does(crowd: Pool) -> None:
    path, body = f"{crowd.path}/queues", {"name": "a", "priority": 1}

    assert crowd.ask(lambda api, _: api.post(path, json=body)) == {201: 1, 409: MANY - 1}
    assert crowd.priorities() == {"a": 1, "default": 2}


def test_queues_that_are_made_at_once_get_priorities_of_their_own(crowd: Pool) -> None:
    path = f"{crowd.path}/queues"

    answers = crowd.ask(lambda api, number: api.post(path, json={"name": str(number)}))

    assert answers == {201: MANY}
    assert sorted(crowd.priorities().values()) == list(range(1, MANY + 2))


def test_queues_that_are_moved_at_once_keep_priorities_of_their_own(crowd: Pool) -> None:
    path = f"{crowd.path}/queues"
    for number in range(MANY):
        made(crowd.apis[0], path, {"name": str(number)})

    def move(api: httpx.Client, number: int) -> httpx.Response:
        return api.patch(f"{path}/{number}", json={"priority": number % 2 + 1})

    assert crowd.ask(move) == {204: MANY}
    priorities = list(crowd.priorities().values())
    assert len(set(priorities)) == MANY + 1


def test_a_pool_that_is_paused_among_heartbeats_stays_paused(crowd: Pool) -> None:
    def beat_or_pause(api: httpx.Client, number: int) -> httpx.Response:
        if number == 0:
            return api.patch(crowd.path, json={"is_paused": True})
        return api.post(f"{crowd.path}/workers/heartbeat", json={"name": str(number)})

    assert crowd.ask(beat_or_pause) == {204: MANY}
    pool = crowd.apis[0].get(crowd.path).json()
    assert (pool["is_paused"], pool["status"]) == (True, "PAUSED")


def test_heartbeats_of_one_worker_make_one_worker(crowd: Pool) -> None:
    path = f"{crowd.path}/workers"

    answers = crowd.ask(lambda api, _: api.post(f"{path}/heartbeat", json={"name": "w"}))

    assert answers == {204: MANY}
    assert len(crowd.apis[0].post(f"{path}/filter", json={}).json()) == 1


def test_a_pool_that_is_deleted_while_it_is_used_goes_without_an_error(crowd: Pool) -> None:
    def use(api: httpx.Client, number: int) -> httpx.Response:
        if number == 0:
            return api.delete(crowd.path)
        if number % 2:
            return api.post(f"{crowd.path}/workers/heartbeat", json={"name": str(number)})
        return api.post(f"{crowd.path}/queues", json={"name": str(number)})

    assert set(crowd.ask(use)) <= {201, 204, 404}
    assert crowd.apis[0].get(crowd.path).status_code == 404
