"""How a subscription begins, what ends it before the first run, and who is said to be there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ephemeral_server import EphemeralServer, ephemeral
from ephemeral_server.task_workers.schemas import LONGEST_NAME, MOST_KEYS, TaskWorkerResponse
from tests import web
from tests.api.shapes import assert_shape
from tests.leaks import LeakGuard
from tests.task_workers.talking import ACK, PATIENCE, QUIT, address, delay, talking


@pytest.fixture(scope="module")
def lasting(leak_guard: LeakGuard) -> Iterator[EphemeralServer]:
    """One server for the whole module; what is asked here does not depend on the database."""
    with ephemeral(activate=False) as server:
        with leak_guard.adopt(), web.client(server.api_url) as api:
            delay(api, "first")
        yield server


@pytest.fixture
def api(lasting: EphemeralServer) -> Iterator[httpx.Client]:
    with web.client(lasting.api_url) as client:
        yield client


def frame(**changes: Any) -> str:
    """A right first frame with some members changed, or left out where they are None."""
    members = {"type": "subscribe", "keys": ["bake"], "client_id": "worker", **changes}
    return json.dumps({name: value for name, value in members.items() if value is not None})


NO_SUBSCRIBE = "Protocol violation: expected 'subscribe' message"
NO_KEYS = "Protocol violation: expected 'keys' in subscribe message"
NO_CLIENT = "Protocol violation: expected 'client_id' in subscribe message"


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ("", NO_SUBSCRIBE),
        ("garbage", NO_SUBSCRIBE),
        ("null", NO_SUBSCRIBE),
        ("[]", NO_SUBSCRIBE),
        ("[" * 100_000, NO_SUBSCRIBE),
        ("{}", NO_SUBSCRIBE),
        (ACK, NO_SUBSCRIBE),
        (frame(type=["subscribe"]), NO_SUBSCRIBE),
        (frame().encode(), NO_SUBSCRIBE),
        ('{"type":"subscribe"}', NO_KEYS),
        (frame(keys=[]), NO_KEYS),
        (frame(keys="bake"), f"{NO_KEYS}: Input should be a valid array"),
        (frame(keys=[1]), f"{NO_KEYS}: Input should be a valid string"),
        (frame(keys=[""]), NO_KEYS),
        (frame(keys=["\0"]), f"{NO_KEYS}: Value error, must not contain NUL characters"),
        (frame(keys=["x"] * (MOST_KEYS + 1)), f"{NO_KEYS}: List should have at most 1000 items"),
        (frame(client_id=None), NO_CLIENT),
        (frame(client_id=""), NO_CLIENT),
        (frame(client_id="x" * (LONGEST_NAME + 1)), f"{NO_CLIENT}: Value should have at most"),
        (frame(client_id=5), f"{NO_CLIENT}: Input should be a valid string"),
    ],
)
def test_a_first_frame_that_is_none_closes_the_connection_with_what_it_lacks(
    lasting: EphemeralServer, first: str | bytes, reason: str
) -> None:
    with talking(lasting) as worker:
        worker.say(first)
        code, given = worker.end()
    assert code == 4001
    assert given == reason or (": " in reason and given.startswith(reason))


def test_as_many_keys_as_are_allowed_are_served(
    lasting: EphemeralServer, api: httpx.Client
) -> None:
    keys = [f"key-{number}" for number in range(MOST_KEYS)]
    with talking(lasting, *keys) as worker:
        assert delay(api, keys[-1]) == worker.take()


def test_members_that_nobody_knows_are_ignored(lasting: EphemeralServer, api: httpx.Client) -> None:
    with talking(lasting) as worker:
        worker.say(frame(keys=["odd"], version=2))
        assert delay(api, "odd") == worker.take()


@pytest.mark.parametrize(
    ("said", "code"),
    [(QUIT, 1000), (ACK, 4001), ("garbage", 4001), (b"{}", 4001), (frame(), 4001)],
)
def test_a_client_that_speaks_before_it_is_asked_is_closed(
    lasting: EphemeralServer, said: str | bytes, code: int
) -> None:
    with talking(lasting, "idle") as worker:
        worker.say(said)
        assert worker.end()[0] == code


def test_an_old_client_subscribes_without_a_greeting(
    lasting: EphemeralServer, api: httpx.Client
) -> None:
    id = delay(api, "old")
    with connect(address(lasting), proxy=None) as socket:
        socket.send(frame(keys=["old"]))
        assert json.loads(socket.recv(PATIENCE))["id"] == id
        socket.send(ACK)


def test_a_server_with_a_secret_asks_for_it() -> None:
    with ephemeral(activate=False, auth_string="a:b") as server:
        with talking(server, "bake", token="a:b"):
            pass
        with connect(address(server), proxy=None, subprotocols=["prefect"]) as socket:  # type: ignore[list-item]
            socket.send('{"type":"auth","token":"wrong"}')
            with pytest.raises(Exception, match="Invalid token"):
                socket.recv(PATIENCE)
        with pytest.raises(InvalidStatus, match="403"):
            connect(address(server), proxy=None)


# Who is there


def listed(api: httpx.Client, *keys: str) -> list[dict[str, Any]]:
    """The workers that serve one of the tasks."""
    reply = api.post("/task_workers/filter", json={"task_worker_filter": {"task_keys": keys}})
    assert reply.status_code == 200, reply.text
    workers: list[dict[str, Any]] = reply.json()
    return workers


def settled(api: httpx.Client, key: str, count: int) -> list[dict[str, Any]]:
    """The workers that serve a task, as soon as there are so many."""
    deadline = time.monotonic() + PATIENCE
    while len(found := listed(api, key)) != count:
        assert time.monotonic() < deadline, found
    return found


def test_a_worker_is_listed_while_it_is_connected(
    lasting: EphemeralServer, api: httpx.Client
) -> None:
    with talking(lasting, "seen", "also", client_id="host-1"):
        [worker] = settled(api, "seen", 1)
    assert (worker["identifier"], worker["task_keys"]) == ("host-1", ["seen", "also"])
    assert_shape(TaskWorkerResponse, worker)
    settled(api, "seen", 0)


def test_a_worker_that_breaks_off_is_forgotten(lasting: EphemeralServer, api: httpx.Client) -> None:
    with talking(lasting, "lost") as worker:
        settled(api, "lost", 1)
        worker.break_off()
        settled(api, "lost", 0)


def test_a_worker_that_never_subscribed_is_not_listed(
    lasting: EphemeralServer, api: httpx.Client
) -> None:
    with talking(lasting):
        assert listed(api) == []


@pytest.mark.parametrize(
    "body",
    [None, {}, {"task_worker_filter": None}, {"task_worker_filter": {"task_keys": []}}],
)
def test_without_a_task_all_workers_are_listed(
    lasting: EphemeralServer, api: httpx.Client, body: Any
) -> None:
    with talking(lasting, "any", client_id="a"), talking(lasting, "other", client_id="b"):
        settled(api, "any", 1)
        settled(api, "other", 1)
        workers = api.post("/task_workers/filter", json=body).json()
        assert sorted(worker["identifier"] for worker in workers) == ["a", "b"]
    settled(api, "any", 0)
    settled(api, "other", 0)


@pytest.mark.parametrize(
    "body", [[], {"task_worker_filter": {}}, {"task_worker_filter": {"task_keys": "x"}}]
)
def test_a_filter_that_is_none_is_refused(api: httpx.Client, body: Any) -> None:
    reply = api.post("/task_workers/filter", json=body)
    assert reply.status_code == 422
    assert reply.json()["exception_message"] == "Invalid request received."
