"""Heartbeats of workers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.work_pools.pools import Pool, refusal
from tests.application import Application


def workers(pool: Pool, **body: Any) -> list[dict[str, Any]]:
    reply = pool.application.post(f"{pool.path}/workers/filter", body)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()
    return found


def test_the_first_heartbeat_makes_a_worker(pool: Pool) -> None:
    pool.heartbeat("w", heartbeat_interval_seconds=30.0)

    (worker,) = workers(pool)
    assert (worker["name"], worker["status"]) == ("w", "ONLINE")
    assert worker["work_pool_id"] == pool.made["id"]
    assert worker["heartbeat_interval_seconds"] == 30
    assert worker["last_heartbeat_time"] == worker["created"] == worker["updated"]


def test_the_next_one_is_of_the_same_worker(pool: Pool) -> None:
    pool.heartbeat("w")
    (first,) = workers(pool)
    pool.application.clock.advance(5)
    pool.heartbeat("w")

    (again,) = workers(pool)
    assert again.pop("last_heartbeat_time") > first.pop("last_heartbeat_time")
    assert again == first


def test_an_interval_stays_until_another_is_given(pool: Pool) -> None:
    seen = []
    for interval in (None, 5, None, 7):
        pool.heartbeat("w", heartbeat_interval_seconds=interval)
        seen.append(workers(pool)[0]["heartbeat_interval_seconds"])

    assert seen == [None, 5, 5, 7]


def test_workers_of_one_name_in_two_pools_are_two(pool: Pool) -> None:
    other = Pool(pool.application)
    for each in (pool, other):
        each.heartbeat("w")

    assert workers(pool)[0]["id"] != workers(other)[0]["id"]


def test_what_else_a_client_sends_is_left_aside(pool: Pool) -> None:
    pool.heartbeat("w", metadata={"integrations": []}, return_id=True)

    assert [worker["name"] for worker in workers(pool)] == ["w"]


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "w", "heartbeat_interval_seconds": 2.5}, "heartbeat_interval_seconds"),
        ({"name": "w", "heartbeat_interval_seconds": 2**31}, "heartbeat_interval_seconds"),
    ],
)
def test_a_heartbeat_that_does_not_fit_is_refused(
    pool: Pool, body: dict[str, Any], member: str
) -> None:
    reply = pool.application.post(f"{pool.path}/workers/heartbeat", body)

    assert refusal(reply)[0] == ["body", member]
    assert workers(pool) == []


def test_there_are_no_workers_without_their_pool(application: Application) -> None:
    for method, path, body in (
        ("POST", "heartbeat", {"name": "w"}),
        ("POST", "filter", {}),
        ("DELETE", "w", None),
    ):
        reply = application.request(method, f"/work_pools/nobody/workers/{path}", body)
        assert reply.status_code == 404
        assert reply.json() == {"detail": 'Work pool "nobody" not found.'}
