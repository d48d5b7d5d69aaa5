"""Deferred task runs over the WebSocket: each gets to one worker, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import httpx
import pytest
from websockets.asyncio.client import connect

from ephemeral_server import EphemeralServer, ephemeral
from ephemeral_server.database.tables import task_run_delivery
from ephemeral_server.task_workers import subscription
from tests import web
from tests.api.objects import set_state
from tests.events.support import opened, rows
from tests.task_workers.queue import deferred
from tests.task_workers.talking import ACK, QUIT, TalkingWorker, address, delay, talking


@pytest.fixture(autouse=True)
def never_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker gets, it gets because it was woken."""
    monkeypatch.setattr(subscription, "LOOK_SECONDS", 3600)


def left(url: str) -> list[str]:
    """The runs that are still in the queue of a server that has ended."""

    async def read() -> list[str]:
        async with opened(url) as database:
            return [row["task_run_id"] for row in await rows(database, task_run_delivery)]

    return asyncio.run(read())


def test_a_run_is_delivered_as_the_api_shows_it(server: EphemeralServer, api: httpx.Client) -> None:
    id = delay(api, tags=["oven"], task_inputs={"x": []}, empirical_policy={"retries": 3})
    with talking(server, "bake") as worker:
        run = worker.receive()
    shown = api.get(f"/task_runs/{id}").json()
    passing = "estimated_start_time_delta"
    assert run.pop(passing) <= shown.pop(passing)
    assert run == shown
    assert run["state"]["state_details"]["deferred"] is True


def test_the_next_run_comes_after_the_acknowledgement(
    server: EphemeralServer, api: httpx.Client
) -> None:
    first, second = delay(api), delay(api)
    with talking(server, "bake") as worker:
        assert worker.receive()["id"] == first
        with talking(server, "bake") as other:
            assert other.receive()["id"] == second
            third = delay(api)
            worker.say(ACK)
            assert worker.receive()["id"] == third


def test_a_worker_that_waits_is_woken(server: EphemeralServer, api: httpx.Client) -> None:
    with talking(server, "cook", "bake") as worker:
        for key in ("bake", "cook", "bake"):
            assert delay(api, key) == worker.take()


def test_a_run_that_is_scheduled_again_wakes_a_worker(
    server: EphemeralServer, api: httpx.Client
) -> None:
    with talking(server, "bake") as worker:
        id = delay(api)
        assert worker.take() == id
        details = {"state_details": {"deferred": True}}
        assert set_state(api, f"/task_runs/{id}", "SCHEDULED", **details).status_code == 201
        assert worker.take() == id


def test_runs_find_all_workers_that_wait(server: EphemeralServer, api: httpx.Client) -> None:
    with talking(server, "bake") as one, talking(server, "cook", "bake") as other:
        ids = {delay(api) for _ in range(2)}
        assert {one.receive()["id"], other.receive()["id"]} == ids


def test_a_cancelled_run_is_not_delivered(server: EphemeralServer, api: httpx.Client) -> None:
    cancelled, stays = delay(api), delay(api)
    set_state(api, f"/task_runs/{cancelled}", "CANCELLED")
    with talking(server, "bake") as worker:
        assert worker.take() == stays


@pytest.mark.parametrize(
    ("reply", "end"),
    [
        (QUIT, (1000, "")),
        ('{"type":"other"}', (4001, "Protocol violation: expected 'ack' or 'quit'")),
        ('{"type":["ack"]}', (4001, "Protocol violation: expected 'ack' or 'quit'")),
        ("{}", (4001, "Protocol violation: expected 'ack' or 'quit'")),
        ("[" * 100_000, (4001, "Protocol violation: expected 'ack' or 'quit'")),
        (ACK.encode(), (4001, "Protocol violation: expected 'ack' or 'quit'")),
    ],
)
def test_a_run_that_is_not_acknowledged_goes_to_the_next_worker_first(
    server: EphemeralServer, api: httpx.Client, reply: str | bytes, end: tuple[int, str]
) -> None:
    first, second = delay(api), delay(api)
    with talking(server, "bake") as worker:
        assert worker.receive()["id"] == first
        worker.say(reply)
        code, reason = worker.end()
    assert (code, reason[: len(end[1])]) == end
    with talking(server, "bake") as other:
        assert [other.take(), other.take()] == [first, second]


@pytest.mark.parametrize(
    "leave",
    [TalkingWorker.break_off, lambda worker: worker.connection.close()],
    ids=["breaks off", "closes in order"],
)
def test_a_run_whose_worker_leaves_goes_to_a_worker_that_waits(
    server: EphemeralServer, api: httpx.Client, leave: Callable[[TalkingWorker], None]
) -> None:
    id = delay(api)
    with talking(server, "bake") as worker:
        assert worker.receive()["id"] == id
        with talking(server, "bake") as other:
            leave(worker)
            assert other.take() == id


def test_a_worker_that_does_not_answer_in_time_loses_its_run(
    server: EphemeralServer, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "ANSWER_SECONDS", 0.05)
    id = delay(api)
    with talking(server, "bake") as silent:
        assert silent.receive()["id"] == id
        assert silent.end() == (4001, "Protocol violation: no answer to a task run within 0.05 s")
        monkeypatch.undo()
        with talking(server, "bake") as worker:
            assert worker.take() == id


async def take_all(servers: Sequence[EphemeralServer], count: int) -> Counter[str]:
    """How often each run was delivered, once `count` of them were, to a worker at each server."""
    taken: Counter[str] = Counter()
    all_taken = asyncio.Event()

    async def work(server: EphemeralServer) -> None:
        async with connect(address(server), proxy=None) as socket:
            await socket.send('{"type":"subscribe","keys":["bake","cook"],"client_id":"x"}')
            async for run in socket:
                taken[json.loads(run)["id"]] += 1
                await socket.send(ACK)
                if len(taken) == count:
                    all_taken.set()

    workers = [asyncio.create_task(work(server)) for server in servers]
    await all_taken.wait()
    for worker in workers:
        worker.cancel()
    await asyncio.wait(workers)
    return taken


def test_of_many_runs_and_workers_each_run_gets_to_one_worker(
    server: EphemeralServer, api: httpx.Client, database_url: str
) -> None:
    ids = [delay(api) for _ in range(30)]

    async def more() -> None:
        async with web.async_client(server.api_url) as client:
            for number in range(30):
                body = {"task_key": "cook", "dynamic_key": str(number), "state": deferred()}
                ids.append((await client.post("/task_runs/", json=body)).json()["id"])

    async def both() -> Counter[str]:
        taken, _ = await asyncio.gather(take_all([server] * 6, 60), more())
        return taken

    assert asyncio.run(both()) == Counter(ids)
    server.shutdown()
    assert left(database_url) == []


# The server's end


def test_the_end_of_the_server_tells_its_workers_to_come_back(
    server: EphemeralServer, api: httpx.Client
) -> None:
    delay(api)
    with talking(server, "bake") as busy, talking(server, "cook") as idle:
        busy.receive()
        server.shutdown()
        assert busy.end() == idle.end() == (1012, "Server is shutting down")


def test_the_queue_outlives_the_server(database_url: str) -> None:
    with ephemeral(database_url=database_url, activate=False) as server:
        with web.client(server.api_url) as api:
            taken, sent, queued = (delay(api) for _ in range(3))
        with talking(server, "bake") as worker:
            assert worker.take() == taken
            assert worker.receive()["id"] == sent
            server.shutdown()
    with (
        ephemeral(database_url=database_url, activate=False) as server,
        talking(server, "bake") as worker,
    ):
        assert [worker.take(), worker.take()] == [sent, queued]


def test_a_claim_of_a_server_that_was_killed_is_void_at_the_next_start(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """On SQLite, where nobody else serves the file; elsewhere the claim runs out."""
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('killed') / 'server.db'}"
    with ephemeral(database_url=url, activate=False) as server, web.client(server.api_url) as api:
        id = delay(api)
        with talking(server, "bake") as worker:
            worker.receive()
            # A second server on the file sees what it would see if this one were killed.
            with (
                ephemeral(database_url=url, activate=False) as next_server,
                talking(next_server, "bake") as next_worker,
            ):
                assert next_worker.take() == id


# Two servers on one database


@pytest.fixture
def pair(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[EphemeralServer, EphemeralServer]]:
    """Two servers on one database, which look often for what no notice tells them of."""
    monkeypatch.setattr(subscription, "LOOK_SECONDS", 0.02)
    with (
        ephemeral(database_url=postgres_url, activate=False) as first,
        ephemeral(database_url=postgres_url, activate=False) as second,
    ):
        yield first, second


def test_a_run_that_another_server_queues_is_found(
    pair: tuple[EphemeralServer, EphemeralServer],
) -> None:
    first, second = pair
    with talking(second, "bake") as worker, web.client(first.api_url) as api:
        for _ in range(3):
            assert delay(api) == worker.take()


def test_two_servers_deliver_no_run_twice(
    pair: tuple[EphemeralServer, EphemeralServer], postgres_url: str
) -> None:
    with web.client(pair[0].api_url) as api:
        ids = [delay(api, ("bake", "cook")[number % 2]) for number in range(60)]
    assert asyncio.run(take_all(pair * 3, 60)) == Counter(ids)
    for server in pair:
        server.shutdown()
    assert left(postgres_url) == []
