"""Taking slots of limits without a lease, as rate limits do, and giving them back."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from ephemeral_server.fields import LARGEST
from tests.application import Application
from tests.limits.limits import Limits

LIMITS = "/v2/concurrency_limits"


def take(application: Application, *names: str, slots: int = 1, **members: Any) -> httpx.Response:
    body = {"names": list(names), "slots": slots, **members}
    return application.post(f"{LIMITS}/increment", body)


def give(application: Application, *names: str, slots: int = 1, **members: Any) -> httpx.Response:
    body = {"names": list(names), "slots": slots, **members}
    return application.post(f"{LIMITS}/decrement", body)


def name_of(limits: Limits, id: str) -> str:
    return limits.read(id).name


def test_slots_are_taken_until_they_are_given_back(
    application: Application, limits: Limits
) -> None:
    id = limits.new(3)
    name = name_of(limits, id)
    shown = [{"id": id, "name": name, "limit": 3}]

    for route in (take, give):
        answer = route(application, name, name, "nobody", slots=2)
        assert (answer.status_code, answer.json()) == (200, shown)
        assert limits.taken(id) == (2 if route is take else 0)
    assert limits.leases(id) == []


@pytest.mark.parametrize("members", [{}, {"create_if_missing": True}])
@pytest.mark.parametrize("names", [[], ["nobody"]])
@pytest.mark.parametrize("route", ["increment", "decrement", "increment-with-lease"])
def test_what_has_no_limit_gets_none(
    application: Application, route: str, names: list[str], members: dict[str, Any]
) -> None:
    answer = application.post(f"{LIMITS}/{route}", {"names": names, "slots": 1, **members})
    assert answer.status_code == 200
    assert answer.json() == [] or answer.json()["limits"] == []
    assert application.get(f"{LIMITS}/nobody").status_code == 404


def test_all_limits_have_enough_or_nothing_is_taken(
    application: Application, limits: Limits
) -> None:
    free, full = limits.new(1), limits.new(1, active_slots=1)
    answer = take(application, *(name_of(limits, id) for id in (free, full)))
    assert (answer.status_code, answer.json()) == (423, {"detail": "Locked"})
    assert 1.5 <= float(answer.headers["Retry-After"]) <= 2.6
    assert limits.taken(free) == 0


def test_a_rate_limit_lets_through_what_has_decayed(
    application: Application, limits: Limits
) -> None:
    name = name_of(limits, limits.new(2, slot_decay_per_second=0.5))
    for _ in range(2):
        assert take(application, name, mode="rate_limit").status_code == 200
    answer = take(application, name, mode="rate_limit")
    assert answer.status_code == 423
    assert 1.5 <= float(answer.headers["Retry-After"]) <= 2.6
    application.clock.advance(2)
    assert take(application, name, mode="rate_limit").status_code == 200


def test_only_limits_that_decay_limit_rates(application: Application, limits: Limits) -> None:
    lasting = [name_of(limits, limits.new()) for _ in range(2)]
    decaying = name_of(limits, limits.new(slot_decay_per_second=1.0))
    answer = take(application, lasting[0], decaying, lasting[1], mode="rate_limit")
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith(f"configured: '{lasting[0]},{lasting[1]}'")
    assert take(application, decaying, mode="concurrency").status_code == 200


def test_who_waits_for_slots_that_hardly_decay_asks_again_some_day(
    application: Application, limits: Limits
) -> None:
    name = name_of(limits, limits.new(active_slots=1, slot_decay_per_second=1e-320))
    answer = take(application, name, mode="rate_limit")
    assert float(answer.headers["Retry-After"]) <= 1.3 * 24 * 3600


@pytest.mark.parametrize("slots", [0, 1])
def test_more_than_there_ever_are_is_refused(
    application: Application, limits: Limits, slots: int
) -> None:
    answer = take(application, name_of(limits, limits.new(slots)), slots=slots + 1)
    assert answer.status_code == 422
    assert answer.json() == {"detail": "Slots requested is greater than the limit"}


def test_what_is_not_in_force_is_named_and_left_alone(
    application: Application, limits: Limits
) -> None:
    id = limits.new(0, active=False, active_slots=1)
    for route in (take, give):
        assert [limit["id"] for limit in route(application, name_of(limits, id)).json()] == [id]
        assert limits.taken(id) == 1


@pytest.mark.parametrize(
    ("slots", "seconds", "average"), [(1, 10, 4.0), (2, 0.01, 1.525), (1, None, 2.0)]
)
def test_how_long_slots_were_taken_moves_the_average(
    application: Application, limits: Limits, slots: int, seconds: float | None, average: float
) -> None:
    id = limits.new(2, active_slots=2)
    give(application, name_of(limits, id), slots=slots, occupancy_seconds=seconds)
    assert limits.average(id) == pytest.approx(average)
    assert limits.taken(id) == 2 - slots


@pytest.mark.parametrize("route", ["increment", "decrement", "increment-with-lease"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"names": None},
        {"names": [1]},
        {"names": ["a\x00"]},
        {"slots": 0},
        {"slots": None},
        {"slots": LARGEST + 1},
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    application: Application, route: str, wrong: dict[str, Any]
) -> None:
    body = {"names": ["a"], "slots": 1, **wrong}
    answer = application.post(f"{LIMITS}/{route}", body)
    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"][:2] == ["body", *wrong]


@pytest.mark.parametrize("seconds", [0, -1, "nan", "inf"])
def test_slots_were_taken_for_some_time(application: Application, seconds: Any) -> None:
    assert give(application, "a", occupancy_seconds=seconds).status_code == 422


def test_old_clients_may_say_what_is_heeded_no_more(application: Application) -> None:
    name = str(uuid4())
    assert give(application, name, create_if_missing=None, mode="any").status_code == 200
