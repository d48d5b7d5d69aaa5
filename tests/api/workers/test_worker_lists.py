"""Listing and forgetting workers."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from ephemeral_server.clock import isoformat
from ephemeral_server.database.tables import worker
from ephemeral_server.workers.schemas import WorkerResponse
from tests.api.shapes import assert_shape
from tests.api.work_pools.pools import Pool


@pytest.fixture
def staffed(pool: Pool) -> Pool:
    """A pool with the workers a, b and c, each heard of a second after the one before."""
    for name in "abc":
        pool.application.clock.advance(1)
        pool.heartbeat(name)
    gone = update(worker).where(worker.c.name == "b").values(status="OFFLINE")
    pool.application.write(lambda tx: tx.connection.execute(gone))
    return pool


def names(pool: Pool, **body: Any) -> str:
    found = pool.application.post(f"{pool.path}/workers/filter", body).json()
    return "".join(each["name"] for each in found)


def test_a_worker_is_answered_in_its_shape(staffed: Pool) -> None:
    found = staffed.application.post(f"{staffed.path}/workers/filter").json()

    assert_shape(list[WorkerResponse], found)


def test_who_was_heard_of_last_comes_first(staffed: Pool) -> None:
    assert names(staffed) == "cba"
    staffed.application.clock.advance(1)
    staffed.heartbeat("a")

    assert names(staffed) == "acb"
    assert names(staffed, limit=1, offset=1) == "c"


@pytest.mark.parametrize(
    ("criterion", "found"),
    [({"any_": ["ONLINE"]}, "ca"), ({"not_any_": ["ONLINE"]}, "b"), ({"any_": []}, "")],
)
def test_workers_are_found_by_their_status(
    staffed: Pool, criterion: dict[str, Any], found: str
) -> None:
    assert names(staffed, workers={"status": criterion}) == found


def test_workers_are_found_by_when_they_were_heard_of(staffed: Pool) -> None:
    now = staffed.application.clock.now()
    second, last = isoformat(now - 1_000_000), isoformat(now)

    assert names(staffed, workers={"last_heartbeat_time": {"before_": second}}) == "ba"
    assert names(staffed, workers={"last_heartbeat_time": {"after_": second}}) == "cb"
    either = {"operator": "or_", "status": {"any_": ["OFFLINE"]}}
    assert names(staffed, workers={**either, "last_heartbeat_time": {"after_": last}}) == "cb"


@pytest.mark.parametrize(
    "body",
    [{"workers": {"status": {"any_": ["BUSY"]}}}, {"workers": {"name": {}}}, {"limit": 201}],
)
def test_a_list_that_does_not_fit_is_refused(pool: Pool, body: dict[str, Any]) -> None:
    assert pool.application.post(f"{pool.path}/workers/filter", body).status_code == 422


def test_a_worker_that_is_deleted_is_forgotten(staffed: Pool) -> None:
    path = f"{staffed.path}/workers/c"

    assert staffed.application.delete(path).status_code == 204
    assert names(staffed) == "ba"
    again = staffed.application.delete(path)
    assert (again.status_code, again.json()) == (404, {"detail": "Worker not found."})


def test_a_worker_is_offline_once_three_heartbeats_are_missing(pool: Pool) -> None:
    """Also where no foreman has noticed it."""
    pool.heartbeat("quick", heartbeat_interval_seconds=2)
    pool.heartbeat("usual")

    pool.application.clock.advance(6)
    assert names(pool, workers={"status": {"any_": ["ONLINE"]}}) in ("quickusual", "usualquick")
    pool.application.clock.advance(0.000001)
    assert names(pool, workers={"status": {"any_": ["OFFLINE"]}}) == "quick"
    assert names(pool, workers={"status": {"not_any_": ["OFFLINE"]}}) == "usual"

    pool.heartbeat("quick")
    found = pool.application.post(f"{pool.path}/workers/filter").json()
    assert {each["name"]: each["status"] for each in found} == {
        "quick": "ONLINE",
        "usual": "ONLINE",
    }
