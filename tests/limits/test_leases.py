"""Leases on the slots of limits."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import select

from ephemeral_server.clock import SECOND
from ephemeral_server.database.tables import task_run
from ephemeral_server.limits import leases, releases
from ephemeral_server.limits.leases import Holder, Lease
from ephemeral_server.limits.releases import Released
from ephemeral_server.settings import Settings
from tests.application import Application
from tests.limits.limits import Limits
from tests.orchestration.runs import Runs

NOBODY = "00000000-0000-0000-0000-000000000000"


def acquire(
    limits: Limits,
    *ids: str,
    seconds: float = 60,
    slots: int = 1,
    holder: Holder | None = None,
) -> str:
    """Lease slots of limits that have enough."""
    write = limits.application.write
    lease_id = write(leases.acquire, ids, seconds, slots=slots, holder=holder)
    assert lease_id is not None
    return lease_id


def read(limits: Limits, lease_id: str) -> Lease | None:
    return limits.application.read(leases.read_lease, lease_id)


def someone(type: leases.HolderType = "task_run") -> Holder:
    return Holder(type, str(uuid4()))


def test_a_lease_tells_what_was_taken_when_and_by_whom(limits: Limits) -> None:
    ids, holder, now = [limits.new(5), limits.new(5)], someone(), limits.application.clock.now()

    lease_id = acquire(limits, *ids, seconds=90, slots=2, holder=holder)

    assert [limits.taken(id) for id in ids] == [2, 2]
    assert read(limits, lease_id) == Lease(
        id=lease_id,
        limit_ids=tuple(sorted(ids)),
        slots=2,
        created=now,
        expiration=now + 90 * SECOND,
        holder=holder,
    )


def test_a_lease_may_have_no_holder(limits: Limits) -> None:
    lease = read(limits, acquire(limits, limits.new()))
    assert lease is not None
    assert lease.holder is None


def test_without_enough_slots_there_is_no_lease(limits: Limits) -> None:
    free, full, holder = limits.new(), limits.new(0), someone()
    assert limits.application.write(leases.acquire, [free, full], 60, holder=holder) is None
    assert limits.application.read(leases.leases_of, holder) == []
    assert limits.taken(free) == 0


def test_no_lease_of_this_id(limits: Limits) -> None:
    assert read(limits, NOBODY) is None


# Renewal


def test_a_renewed_lease_expires_later(limits: Limits) -> None:
    lease_id = acquire(limits, limits.new(), seconds=60)
    limits.application.clock.advance(30)
    assert limits.application.write(leases.renew, lease_id, 60) is True
    lease = read(limits, lease_id)
    assert lease is not None
    assert lease.expiration == limits.application.clock.now() + 60 * SECOND
    assert lease.created == limits.application.clock.now() - 30 * SECOND


def test_an_expired_lease_can_be_renewed_until_its_slots_are_given_back(limits: Limits) -> None:
    write = limits.application.write
    lease_id = acquire(limits, limits.new(), seconds=60)
    limits.application.clock.advance(61)
    assert write(leases.renew, lease_id, 60)
    limits.application.clock.advance(61)
    write(releases.release_expired, 100)
    assert not write(leases.renew, lease_id, 60)


def test_a_lease_is_renewed_for_its_holder_alone(limits: Limits) -> None:
    holder = someone()
    lease_id = acquire(limits, limits.new(), holder=holder)
    write = limits.application.write
    assert not write(leases.renew, lease_id, 60, someone())
    assert not write(leases.renew, lease_id, 60, Holder("flow_run", holder.id))
    assert write(leases.renew, lease_id, 60, holder)


def test_a_lease_without_holder_is_nobodys(limits: Limits) -> None:
    lease_id = acquire(limits, limits.new())
    assert not limits.application.write(leases.renew, lease_id, 60, someone())


# Giving back


def test_slots_come_back_once_through_the_lease(limits: Limits) -> None:
    ids = [limits.new(5, active_slots=1), limits.new(5, active_slots=1)]
    lease_id = acquire(limits, *ids, slots=2)

    assert limits.application.write(releases.release, lease_id) is True
    assert limits.application.write(releases.release, lease_id) is False

    assert [limits.taken(id) for id in ids] == [1, 1]
    assert read(limits, lease_id) is None


def test_the_age_of_a_lease_moves_the_average(limits: Limits) -> None:
    used, unused = limits.new(), limits.new()
    first, second = acquire(limits, used), acquire(limits, unused)
    limits.application.clock.advance(12)
    limits.application.write(releases.release, first)
    limits.application.write(releases.release, second, used=False)
    assert (limits.average(used), limits.average(unused)) == (7.0, 2.0)


@pytest.mark.parametrize("active", [True, False])
def test_slots_come_back_whether_the_limit_is_active_or_not(limits: Limits, active: bool) -> None:
    id = limits.new()
    lease_id = acquire(limits, id)
    limits.change(id, active=active)
    limits.application.write(releases.release, lease_id)
    assert limits.taken(id) == 0


def test_a_lease_outlives_its_limit(limits: Limits) -> None:
    gone, stays = limits.new(), limits.new()
    lease_id = acquire(limits, gone, stays)

    limits.delete(gone)

    lease = read(limits, lease_id)
    assert lease is not None
    assert lease.limit_ids == (stays,)
    assert limits.application.write(releases.release, lease_id)
    assert limits.taken(stays) == 0


def test_a_lease_whose_only_limit_is_gone_can_be_given_back(limits: Limits) -> None:
    id, holder = limits.new(), someone()
    lease_id = acquire(limits, id, holder=holder)
    limits.delete(id)
    released = limits.application.write(releases.release_held, holder, lease_id=lease_id)
    assert released == Released(leases=1, slots=0)


def test_a_limit_is_taken_out_of_its_leases_and_those_on_it_alone_end(limits: Limits) -> None:
    id, other = limits.new(2), limits.new(2)
    alone, both = acquire(limits, id), acquire(limits, id, other)

    limits.application.write(releases.detach, id)

    assert read(limits, alone) is None
    left = read(limits, both)
    assert left is not None
    assert left.limit_ids == (other,)
    assert (limits.taken(id), limits.taken(other)) == (2, 1)


def test_somebody_gives_back_what_is_named_and_nothing_else(limits: Limits) -> None:
    ids, holder, write = [limits.new(3) for _ in range(4)], someone(), limits.application.write
    named = acquire(limits, ids[0], holder=holder)
    acquire(limits, ids[1], ids[2], slots=2, holder=holder)
    acquire(limits, ids[3], holder=holder)
    of_others = acquire(limits, ids[1], holder=someone())

    held = write(releases.release_held, holder, lease_id=named, limit_ids=[ids[1]])
    foreign = write(releases.release_held, holder, lease_id=of_others)

    assert held == Released(leases=2, slots=5)
    assert foreign == Released()
    assert [limits.taken(id) for id in ids] == [0, 1, 0, 1]


def test_somebody_gives_back_limits_by_their_names(limits: Limits) -> None:
    ids, holder = [limits.new(3), limits.new(3)], someone()
    for id in ids:
        acquire(limits, id, holder=holder)
    name = limits.read(ids[0]).name
    limits.application.write(releases.release_held_by_name, holder, [name, "nobody"])
    assert [limits.taken(id) for id in ids] == [0, 1]


# Runs that are deleted


def test_runs_that_are_deleted_give_back_what_they_and_their_tasks_hold(limits: Limits) -> None:
    runs = Runs(limits.application)
    flow_run, other = runs.flow_run("RUNNING"), runs.flow_run("RUNNING")
    task, others_task = (runs.task_run(flow_run_id=run.id) for run in (flow_run, other))
    ids = [limits.new(3) for _ in range(4)]
    for id, run in zip(ids, (flow_run, task, other, others_task), strict=True):
        holder = Holder("flow_run" if run in (flow_run, other) else "task_run", run.id)
        acquire(limits, id, slots=2, holder=holder)

    assert limits.application.delete(f"/flow_runs/{flow_run.id}").status_code == 204
    assert [limits.taken(id) for id in ids] == [0, 0, 2, 2]

    assert limits.application.delete(f"/flows/{runs.flow_id}").status_code == 204
    assert [limits.taken(id) for id in ids] == [0, 0, 0, 0]


def test_a_task_run_that_is_deleted_gives_back_what_it_holds(limits: Limits) -> None:
    runs, id = Runs(limits.application), limits.new(5)
    run, other = runs.task_run(), runs.task_run()
    lease_id = acquire(limits, id, slots=2, holder=Holder("task_run", run.id))
    acquire(limits, id, slots=2, holder=Holder("task_run", other.id))
    # A flow run of the same id would be another holder.
    acquire(limits, id, holder=Holder("flow_run", run.id))

    assert limits.application.delete(f"/task_runs/{run.id}").status_code == 204

    assert limits.taken(id) == 3
    assert read(limits, lease_id) is None
    found = limits.application.read(
        lambda connection: connection.scalars(select(task_run.c.id).filter_by(id=run.id)).all()
    )
    assert found == []


# Lists


def test_leases_are_active_until_they_expire(limits: Limits) -> None:
    id, read, clock = limits.new(5), limits.application.read, limits.application.clock
    short = acquire(limits, id, limits.new(), seconds=60)
    clock.advance(1)
    long = acquire(limits, id, seconds=120)
    assert [lease.id for lease in limits.leases(id)] == [short, long]

    clock.advance(59)

    assert [lease.id for lease in limits.leases(id)] == [long]
    expired = [lease.id for lease in read(leases.expired_leases, clock.now())]
    assert short in expired
    assert long not in expired


def test_a_lease_outlives_the_server_that_gave_it(database_url: str) -> None:
    settings = Settings(database_url=database_url, ephemeral=True)
    with Application(settings).running() as first:
        limits = Limits(first)
        limit = limits.new()
        lease_id = acquire(limits, limit)
    with Application(settings).running() as second:
        assert second.write(leases.acquire, (limit,), 60) is None
        assert second.write(releases.release, lease_id)
        assert Limits(second).taken(limit) == 0


def test_holders_are_told_by_limit_the_oldest_first(limits: Limits) -> None:
    first, second, third = limits.new(9), limits.new(9), limits.new(9)
    one, two = someone(), someone("flow_run")
    acquire(limits, first, second, holder=one)
    limits.application.clock.advance(1)
    acquire(limits, first, holder=two, seconds=30)
    acquire(limits, first)
    limits.application.clock.advance(1)
    acquire(limits, first, holder=one)

    def holders() -> dict[str, list[Holder]]:
        now = limits.application.clock.now()
        return limits.application.read(leases.holders_of, now, [first, second, third])

    assert holders() == {first: [one, two, one], second: [one], third: []}
    limits.application.clock.advance(29)
    assert holders()[first] == [one, one]
