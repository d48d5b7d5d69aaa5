"""Slots of those who gave no more sign of life are taken back."""

from __future__ import annotations

import asyncio

import pytest

from ephemeral_server.limits import leases, releases
from ephemeral_server.services import repossessor
from ephemeral_server.services.repossessor import Repossessed
from tests.application import Application
from tests.limits.limits import Limits


@pytest.fixture
def limits(application: Application) -> Limits:
    """Limits, without a lease of former tests."""
    application.clock.advance(3600)
    run_once(application)
    return Limits(application)


def run_once(application: Application) -> Repossessed:
    runtime = application.runtime
    return application.wait(repossessor.run_once(runtime.database, runtime.settings))


def lease(limits: Limits, *ids: str, seconds: float = 60, slots: int = 1) -> str:
    lease_id = limits.application.write(leases.acquire, ids, seconds, slots=slots)
    assert lease_id is not None
    return lease_id


def test_an_expired_lease_gives_its_slots_back(limits: Limits) -> None:
    application, ids = limits.application, [limits.new(3, active_slots=1), limits.new(3)]
    lease_id = lease(limits, *ids, seconds=60, slots=2)

    application.clock.advance(59.9)
    assert run_once(application) == Repossessed()
    assert [limits.taken(id) for id in ids] == [3, 2]
    application.clock.advance(0.1)
    assert run_once(application) == Repossessed(leases=1, slots=4)

    assert [limits.taken(id) for id in ids] == [1, 0]
    assert application.read(leases.read_lease, lease_id) is None
    assert not application.write(leases.renew, lease_id, 60)
    assert run_once(application) == Repossessed()


def test_a_renewed_lease_stays(limits: Limits) -> None:
    application, id = limits.application, limits.new()
    lease_id = lease(limits, id)
    application.clock.advance(61)
    application.write(leases.renew, lease_id, 60)
    assert run_once(application) == Repossessed()
    assert limits.taken(id) == 1


def test_slots_that_were_given_back_do_not_come_back_twice(limits: Limits) -> None:
    application, id = limits.application, limits.new(2, active_slots=1)
    lease_id = lease(limits, id)
    application.clock.advance(61)
    application.write(releases.release, lease_id)
    assert run_once(application) == Repossessed()
    assert limits.taken(id) == 1


def test_the_age_of_the_lease_counts_as_its_occupancy(limits: Limits) -> None:
    id = limits.new(2)
    lease(limits, id, seconds=60, slots=2)
    limits.application.clock.advance(100)
    run_once(limits.application)
    assert limits.average(id) == pytest.approx(2.0 + (50 - 2.0) / 4)


@pytest.mark.parametrize(
    "columns", [{"slots": 0}, {"active": False}], ids=["without slots", "inactive"]
)
def test_no_limit_keeps_an_expired_lease_alive(limits: Limits, columns: dict[str, object]) -> None:
    id = limits.new()
    lease(limits, id)
    limits.change(id, **columns)
    limits.application.clock.advance(61)
    assert run_once(limits.application) == Repossessed(leases=1, slots=1)
    assert limits.taken(id) == 0


def test_a_lease_whose_limit_is_gone_just_ends(limits: Limits) -> None:
    id = limits.new()
    lease(limits, id)
    limits.delete(id)
    limits.application.clock.advance(61)
    assert run_once(limits.application) == Repossessed(leases=1, slots=0)


def test_a_pass_frees_all_that_expired_however_many(
    limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repossessor, "BATCH", 3)
    id = limits.new(20)
    for number in range(10):
        lease(limits, id, seconds=60 + number)
    limits.application.clock.advance(66)
    assert run_once(limits.application) == Repossessed(leases=7, slots=7)
    assert limits.taken(id) == 3


def test_passes_at_the_same_time_share_the_leases(limits: Limits) -> None:
    id, runtime = limits.new(20), limits.application.runtime
    for _ in range(10):
        lease(limits, id)
    limits.application.clock.advance(61)

    async def both() -> list[Repossessed]:
        passes = [repossessor.run_once(runtime.database, runtime.settings) for _ in range(2)]
        return await asyncio.gather(*passes)

    done = limits.application.wait(both())
    assert sum(each.leases for each in done) == 10
    assert limits.taken(id) == 0
