"""Leasing slots of limits by their names, renewing leases and ending them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.application import Application
from tests.limits.limits import Limits

LIMITS = "/v2/concurrency_limits"


def ask(application: Application, *names: str, slots: int = 1, **members: Any) -> httpx.Response:
    body = {"names": list(names), "slots": slots, **members}
    return application.post(f"{LIMITS}/increment-with-lease", body)


def renew(application: Application, lease_id: str, **members: Any) -> httpx.Response:
    return application.post(f"{LIMITS}/leases/{lease_id}/renew", members or None)


def end(application: Application, lease_id: str) -> httpx.Response:
    return application.post(f"{LIMITS}/decrement-with-lease", {"lease_id": lease_id})


@pytest.mark.parametrize("names", [[], ["tag:unknown"]])
def test_what_has_no_limit_is_leased_at_once(application: Application, names: list[str]) -> None:
    answer = ask(application, *names)
    assert (answer.status_code, answer.json()["limits"]) == (200, [])
    assert end(application, answer.json()["lease_id"]).status_code == 204


def test_slots_are_taken_and_given_back(application: Application, limits: Limits) -> None:
    limit = limits.new(3)
    name, holder = limits.read(limit).name, str(uuid4())
    answer = ask(
        application, name, name, "unknown", slots=2, holder={"type": "task_run", "id": holder}
    )
    assert answer.status_code == 200
    assert answer.json()["limits"] == [{"id": limit, "name": name, "limit": 3}]
    assert limits.taken(limit) == 2
    (lease,) = limits.leases(limit)
    assert lease.id == answer.json()["lease_id"]
    assert lease.holder is not None
    assert (lease.holder.type, lease.holder.id) == ("task_run", holder)

    for _ in range(2):  # clients end a lease twice when they clean up
        assert end(application, lease.id).status_code == 204
    assert limits.taken(limit) == 0


def test_who_finds_no_slot_left_is_told_how_long_to_wait(
    application: Application, limits: Limits
) -> None:
    full, free = limits.new(1), limits.new(1)
    names = [limits.read(limit).name for limit in (full, free)]
    assert ask(application, names[0]).status_code == 200

    answer = ask(application, *names)

    assert (answer.status_code, answer.json()) == (423, {"detail": "Locked"})
    assert 1.5 <= float(answer.headers["Retry-After"]) <= 2.6  # slots are taken for two seconds
    assert limits.taken(free) == 0


def test_the_more_were_denied_lately_the_longer_one_waits(
    application: Application, limits: Limits
) -> None:
    id = limits.new(1, active_slots=1, avg_slot_occupancy_seconds=1.0, denied_slots=100)
    name = limits.read(id).name
    assert 0.75 * 2 <= float(ask(application, name).headers["Retry-After"]) <= 1.3 * 2
    assert limits.read(id).denied == 101

    application.clock.advance(1.01)  # all of them may have asked again
    assert 0.75 <= float(ask(application, name).headers["Retry-After"]) <= 1.3


@pytest.mark.parametrize(("prefix", "longest"), [("any", 30), ("tag", 10)])
def test_nobody_is_told_to_wait_for_long(
    application: Application, limits: Limits, prefix: str, longest: float
) -> None:
    name = f"{prefix}:{uuid4()}"
    limits.new(1, active_slots=1, name=name, avg_slot_occupancy_seconds=1e300, denied_slots=10**9)
    wait = float(ask(application, name).headers["Retry-After"])
    assert 0.75 * longest <= wait <= 1.3 * longest


def test_slots_that_decay_are_waited_for_as_long_as_they_take(
    application: Application, limits: Limits
) -> None:
    limit = limits.new(1, slot_decay_per_second=0.1)
    name = limits.read(limit).name
    assert ask(application, name, mode="rate_limit").status_code == 200
    wait = float(ask(application, name, mode="rate_limit").headers["Retry-After"])
    assert 7.5 <= wait <= 13
    application.clock.advance(10)
    assert ask(application, name, mode="rate_limit").status_code == 200


@pytest.mark.parametrize(
    ("slots", "mode", "reason"),
    [
        (2, "concurrency", "Slots requested is greater than the limit"),
        (1, "rate_limit", "Only concurrency limits with slot decay can be used"),
    ],
)
def test_what_no_wait_would_help_is_refused(
    application: Application, limits: Limits, slots: int, mode: str, reason: str
) -> None:
    limit = limits.new(1)
    answer = ask(application, limits.read(limit).name, slots=slots, mode=mode)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(reason)


def test_a_limit_that_is_not_active_lets_everybody_through(
    application: Application, limits: Limits
) -> None:
    limit = limits.new(0, active=False)
    answer = ask(application, limits.read(limit).name)
    assert [entry["id"] for entry in answer.json()["limits"]] == [limit]
    assert limits.taken(limit) == 0
    assert renew(application, answer.json()["lease_id"]).status_code == 204


def test_a_lease_lasts_as_long_as_it_is_renewed(application: Application, limits: Limits) -> None:
    limit = limits.new(1)
    lease_id = ask(application, limits.read(limit).name, lease_duration=60).json()["lease_id"]
    application.clock.advance(59)
    assert renew(application, lease_id, lease_duration=60).status_code == 204
    application.clock.advance(59)
    assert [lease.id for lease in limits.leases(limit)] == [lease_id]
    end(application, lease_id)
    gone = renew(application, lease_id)
    assert gone.status_code == 410
    assert gone.json() == {"detail": "Lease not found - it may have expired or been revoked"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"slots": 0},
        {"lease_duration": 59},
        {"lease_duration": 86401},
        {"mode": "other"},
        {"holder": {"type": "nobody", "id": str(uuid4())}},
        {"holder": {"type": "task_run", "id": str(uuid4()), "name": "x"}},
    ],
)
def test_what_cannot_be_leased_is_refused(application: Application, wrong: dict[str, Any]) -> None:
    assert ask(application, "a", **wrong).status_code == 422
