"""Global concurrency limits, and code of users that takes slots of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from prefect import flow
from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
)
from prefect.concurrency import asyncio as async_slots
from prefect.concurrency.sync import concurrency, rate_limit
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from tests.client.history import History
from tests.client.traffic import LEASE_SLOTS, Traffic

TAKE_SLOTS = "POST /v2/concurrency_limits/increment"
END_LEASE = "POST /v2/concurrency_limits/decrement-with-lease"
RENEW = "POST /v2/concurrency_limits/leases/{id}/renew"


def limit(history: History, name: str, slots: int, decay: float = 0.0) -> str:
    """A new limit; its id."""
    made = GlobalConcurrencyLimitCreate(name=name, limit=slots, slot_decay_per_second=decay)
    return str(history.client.create_global_concurrency_limit(made))


def taken(history: History, name: str) -> int:
    return history.client.read_global_concurrency_limit_by_name(name).active_slots


def complaint(work: Callable[[], object]) -> str:
    """What the client raises, with the name of its class."""
    with pytest.raises(Exception) as error:
        work()
    return f"{type(error.value).__name__}: {error.value}"


def test_a_limit_is_created_listed_changed_and_deleted(history: History, traffic: Traffic) -> None:
    client = history.client
    for name in ("b", "a", "c"):
        limit(history, name, 2)
    traffic.expect("POST /v2/concurrency_limits/", 409)
    with pytest.raises(ObjectAlreadyExists):
        limit(history, "b", 2)
    assert [each.name for each in client.read_global_concurrency_limits()] == ["a", "b", "c"]
    paged = client.read_global_concurrency_limits(limit=1, offset=1)
    assert [each.name for each in paged] == ["b"]
    change = GlobalConcurrencyLimitUpdate(name="d", limit=5, active=False)
    client.update_global_concurrency_limit("b", change)
    kept = client.read_global_concurrency_limit_by_name("d")
    assert (kept.limit, kept.active, kept.active_slots) == (5, False, 0)
    client.upsert_global_concurrency_limit_by_name("d", 6)
    client.upsert_global_concurrency_limit_by_name("e", 7)
    assert {each.name: each.limit for each in client.read_global_concurrency_limits()} == {
        "a": 2,
        "c": 2,
        "d": 6,
        "e": 7,
    }
    client.delete_global_concurrency_limit_by_name("d")
    traffic.expect("GET /v2/concurrency_limits/*", 404)
    with pytest.raises(ObjectNotFound):
        client.read_global_concurrency_limit_by_name("d")


def test_slots_are_taken_held_and_given_back(history: History, traffic: Traffic) -> None:
    first, second = limit(history, "first", 3), limit(history, "second", 2)
    with concurrency(["second", "first"], occupy=2):
        assert (taken(history, "first"), taken(history, "second")) == (2, 2)
        with concurrency("first"):
            assert taken(history, "first") == 3
    assert (taken(history, "first"), taken(history, "second")) == (0, 0)

    async def asynchronously() -> int:
        async with async_slots.concurrency(["first"], occupy=3):
            return await asyncio.to_thread(taken, history, "first")

    assert asyncio.run(asynchronously()) == 3
    assert taken(history, "first") == 0

    traffic.settle()
    asked = traffic.on(LEASE_SLOTS)
    assert [each.status for each in asked] == [200] * 3
    assert {each["id"] for each in asked[0].answer["limits"]} == {first, second}
    leases = {each.answer["lease_id"] for each in asked}
    assert {each.body["lease_id"] for each in traffic.on(END_LEASE)} == leases
    assert set(traffic.statuses(RENEW)) <= {204}
    told = [
        (event["event"], event["resource"]["prefect.resource.id"])
        for event in traffic.events
        if event["event"].startswith("prefect.concurrency-limit.")
    ]
    for id, times in ((first, 3), (second, 1)):
        for what in ("acquired", "released"):
            said = (f"prefect.concurrency-limit.{what}", f"prefect.concurrency-limit.{id}")
            assert told.count(said) == times


def test_who_finds_no_slot_waits_for_one_or_gives_up(history: History, traffic: Traffic) -> None:
    limit(history, "one", 1)

    def take(**options: float) -> None:
        with concurrency("one", **options):  # type: ignore[arg-type]
            pass

    def take_async() -> None:
        async def work() -> None:
            async with async_slots.concurrency("one", timeout_seconds=0.1):
                pass

        asyncio.run(work())

    with concurrency("one"):
        said = complaint(lambda: take(timeout_seconds=0.1))
        assert "timed out after 0.1 second(s)" in said
        assert said.startswith("AcquireConcurrencySlotTimeoutError")
        assert "timed out after 0.1 second(s)" in complaint(take_async)
        assert "423 Locked" in complaint(lambda: take(max_retries=0))
    assert taken(history, "one") == 0
    # Who waits for so short a time may be gone before it is answered.
    locked = [each.answer for each in traffic.on(LEASE_SLOTS) if each.status == 423]
    assert locked[-1] == {"detail": "Locked"}
    take()
    traffic.expect(LEASE_SLOTS, 422)
    assert "Slots requested is greater than the limit" in complaint(lambda: take(occupy=2))


def test_limits_that_are_not_there_or_not_active_hold_nobody_up(
    history: History, traffic: Traffic, caplog: pytest.LogCaptureFixture
) -> None:
    limit(history, "off", 0)

    def take(strict: bool) -> None:
        with concurrency(["off", "unknown"], strict=strict):
            pass

    traffic.expect(LEASE_SLOTS, 422)
    assert "Slots requested is greater" in complaint(lambda: take(strict=False))
    history.client.update_global_concurrency_limit(
        "off", GlobalConcurrencyLimitUpdate(active=False)
    )
    take(strict=True)
    assert taken(history, "off") == 0
    history.client.delete_global_concurrency_limit_by_name("off")
    take(strict=False)
    assert "do not exist - skipping acquisition" in caplog.text
    caplog.clear()  # the only complaint that is right
    assert "must be created before acquiring slots" in complaint(lambda: take(strict=True))


def test_a_rate_is_kept(history: History, traffic: Traffic) -> None:
    for name, decay in [("fast", 10.0), ("slow", 0.001), ("held", 0.0)]:
        limit(history, name, 2, decay)
    traffic.expect(TAKE_SLOTS, 423)
    traffic.expect(TAKE_SLOTS, 422)
    began = time.monotonic()
    rate_limit("fast", occupy=2)
    asyncio.run(async_slots.rate_limit("fast", occupy=2))
    # Two of two slots are free again after two tenths of a second.
    assert time.monotonic() - began >= 0.2
    rate_limit("slow", occupy=2)
    assert taken(history, "slow") == 2
    said = complaint(lambda: rate_limit("slow", timeout_seconds=0))
    assert said.startswith("AcquireConcurrencySlotTimeoutError")
    assert "do not have a decay configured: 'held'" in complaint(lambda: rate_limit("held"))
    said = complaint(lambda: rate_limit("unknown", strict=True))
    assert "must be created before acquiring slots" in said
    rate_limit("unknown")
    assert taken(history, "held") == 0


def test_the_holder_of_a_slot_may_be_a_flow_that_fails(history: History) -> None:
    limit(history, "one", 1)

    @flow
    def fails() -> None:
        with concurrency("one", strict=True):
            assert taken(history, "one") == 1
            raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        fails()
    assert taken(history, "one") == 0
