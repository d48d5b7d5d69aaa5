"""Workers that poll at the same time, each through a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ephemeral_server import ephemeral
from tests import web
from tests.api.objects import made, new_flow

WORKERS = 8


class Crew:
    """Workers of one pool, half of them at each of two servers on PostgreSQL."""

    def __init__(self, apis: list[httpx.Client]) -> None:
        self.apis = apis
        self.pool = f"pool-{uuid4()}"
        self._path = f"/work_pools/{self.pool}/get_scheduled_flow_runs"

    def open(self, runs: int, limit: int | None = None) -> None:
        """Make the pool with a number of scheduled runs in it."""
        api = self.apis[0]
        made(api, "/work_pools/", {"name": self.pool, "concurrency_limit": limit})
        given = {"flow_id": new_flow(api)["id"], "work_pool_name": self.pool}
        for _ in range(runs):
            made(api, "/flow_runs/", {**given, "state": {"type": "SCHEDULED"}})

    def at_once(self, work: Callable[[httpx.Client], list[str]]) -> list[str]:
        """What all workers get together, of work that they begin at the same time."""
        barrier = Barrier(WORKERS)

        def begin(api: httpx.Client) -> list[str]:
            barrier.wait()
            return work(api)

        with ThreadPoolExecutor(WORKERS) as threads:
            return [id for ids in threads.map(begin, self.apis) for id in ids]

    def poll(self, api: httpx.Client, limit: int = 200) -> list[str]:
        """The ids of the runs that a worker is given."""
        body = {"limit": limit, "scheduled_before": "2500-01-01T00:00:00Z"}
        answer = api.post(self._path, json=body)
        assert answer.status_code == 200, answer.text
        return [each["flow_run"]["id"] for each in answer.json()]


@pytest.fixture
def crew(database_url: str) -> Iterator[Crew]:
    # A file of SQLite is served by one process.
    servers = 2 if database_url.startswith("postgresql") else 1
    with ExitStack() as stack:
        urls = []
        for _ in range(servers):
            given: Any = {"database_url": database_url, "claim_seconds": 600.0, "activate": False}
            urls.append(stack.enter_context(ephemeral(**given)).api_url)
        clients = [web.client(urls[number % servers]) for number in range(WORKERS)]
        yield Crew([stack.enter_context(client) for client in clients])


def test_no_two_get_the_same_run_and_every_run_is_given(crew: Crew) -> None:
    crew.open(runs=60)

    def until_nothing_is_left(api: httpx.Client) -> list[str]:
        ids: list[str] = []
        while some := crew.poll(api, limit=3):
            ids += some
        return ids

    given = crew.at_once(until_nothing_is_left)

    assert len(given) == len(set(given)) == 60


def test_all_together_get_no_more_than_the_limit(crew: Crew) -> None:
    crew.open(runs=20, limit=5)
    assert len(crew.at_once(crew.poll)) == 5


def test_the_limit_holds_for_runs_that_are_begun_meanwhile(crew: Crew) -> None:
    crew.open(runs=30, limit=5)

    def begin_what_is_given(api: httpx.Client) -> list[str]:
        begun = []
        for _ in range(4):
            for id in crew.poll(api, limit=1):
                answer = api.post(f"/flow_runs/{id}/set_state", json={"state": {"type": "PENDING"}})
                assert answer.json()["status"] == "ACCEPT"
                begun.append(id)
        return begun

    begun = crew.at_once(begin_what_is_given)

    assert len(begun) == len(set(begun)) == 5
