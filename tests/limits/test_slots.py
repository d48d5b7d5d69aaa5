"""Taking slots of limits and giving them back."""

from __future__ import annotations

import pytest

from ephemeral_server.clock import SECOND
from ephemeral_server.fields import LARGEST
from ephemeral_server.limits.slots import Return, give_back_slots, note_denial, take_slots
from ephemeral_server.limits.store import read_limits_by_name
from tests.limits.limits import Limits

NOBODY = "00000000-0000-0000-0000-000000000000"


def take(limits: Limits, *ids: str, slots: int = 1) -> bool:
    return limits.application.write(take_slots, ids, slots)


def give_back(limits: Limits, id: str, slots: int = 1, seconds: float | None = None) -> None:
    limits.application.write(give_back_slots, [Return(id, slots, seconds)])


# All or none


@pytest.mark.parametrize(
    ("slots", "taken", "wanted", "got"),
    [(1, 0, 1, True), (1, 1, 1, False), (3, 1, 2, True), (3, 2, 2, False), (0, 0, 1, False)],
)
def test_slots_are_taken_while_there_are_enough(
    limits: Limits, slots: int, taken: int, wanted: int, got: bool
) -> None:
    id = limits.new(slots, active_slots=taken)
    assert take(limits, id, slots=wanted) is got
    assert limits.taken(id) == (taken + wanted if got else taken)


def test_slots_of_several_limits_are_taken_together(limits: Limits) -> None:
    ids = [limits.new(2), limits.new(3)]
    assert take(limits, *ids, slots=2)
    assert [limits.taken(id) for id in ids] == [2, 2]


def test_if_one_limit_is_full_none_is_touched(limits: Limits) -> None:
    free, full = limits.new(5), limits.new(1, active_slots=1)
    assert not take(limits, free, full)
    assert (limits.taken(free), limits.taken(full)) == (0, 1)


def test_a_limit_that_is_named_twice_is_one(limits: Limits) -> None:
    id = limits.new(1)
    assert take(limits, id, id)
    assert limits.taken(id) == 1


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "inactive"])
def test_a_limit_that_is_gone_or_not_active_has_no_slots(limits: Limits, gone: bool) -> None:
    free = limits.new(5)
    other = NOBODY if gone else limits.new(5, active=False)
    assert not take(limits, other)
    assert not take(limits, free, other)
    assert limits.taken(free) == 0


def test_of_no_limits_slots_are_always_taken(limits: Limits) -> None:
    assert take(limits)


# Giving back


@pytest.mark.parametrize(
    ("taken", "returned", "left"), [(3, 2, 1), (1, 1, 0), (1, 2, 0), (0, 1, 0)]
)
def test_slots_are_given_back_down_to_none(
    limits: Limits, taken: int, returned: int, left: int
) -> None:
    id = limits.new(5, active_slots=taken)
    give_back(limits, id, returned)
    assert limits.taken(id) == left


def test_slots_of_an_inactive_limit_are_given_back(limits: Limits) -> None:
    id = limits.new(active_slots=1, active=False)
    give_back(limits, id)
    assert limits.taken(id) == 0


def test_what_is_given_back_to_a_limit_that_is_gone_is_dropped(limits: Limits) -> None:
    other = limits.new(active_slots=1)
    limits.application.write(give_back_slots, [Return(NOBODY, 1, 2.0), Return(other, 1, 2.0)])
    assert limits.taken(other) == 0


@pytest.mark.parametrize(
    ("slots", "returned", "seconds", "average"),
    [(2, 1, 10, 4.0), (1, 1, 10, 6.0), (2, 2, 0.01, 1.525), (1, 1, None, 2.0), (0, 1, 10, 2.0)],
)
def test_the_average_occupancy_follows_what_is_given_back(
    limits: Limits, slots: int, returned: int, seconds: float | None, average: float
) -> None:
    id = limits.new(slots, active_slots=2, avg_slot_occupancy_seconds=2.0)
    give_back(limits, id, returned, seconds)
    assert limits.average(id) == pytest.approx(average)


def test_several_returns_to_one_limit_count_one_after_the_other(limits: Limits) -> None:
    id = limits.new(2, active_slots=2)
    limits.application.write(give_back_slots, [Return(id, 1, 10.0), Return(id, 1, 0.2)])
    assert limits.taken(id) == 0
    assert limits.average(id) == pytest.approx(4.0 + (0.2 - 4.0) / 4)


# Decay


@pytest.mark.parametrize(
    ("rate", "seconds", "left"),
    [
        (1, 0.7, 5),
        (1, 1.3, 4),
        (1, 2.35, 3),
        (1, 5, 0),
        (1, 1e9, 0),
        (0, 1e9, 5),
        (0.1, 10, 4),
        (0.1, 9.99, 5),
        (3, 1, 2),
        (1e300, 0.000001, 0),
        (1e-320, 1e12, 5),
        (1, -60, 5),
    ],
)
def test_taken_slots_decay_alike_for_readers_and_takers(
    limits: Limits, rate: float, seconds: float, left: int
) -> None:
    id = limits.new(5, active_slots=5, slot_decay_per_second=rate)
    limits.application.clock.advance(seconds)

    assert limits.taken(id) == left
    assert not take(limits, id, slots=6 - left)
    assert limits.column(id, "active_slots") == 5
    assert take(limits, id, slots=5 - left) is True
    assert limits.column(id, "active_slots") == 5


def test_what_decayed_is_not_given_back_twice(limits: Limits) -> None:
    id = limits.new(5, active_slots=5, slot_decay_per_second=1)
    limits.application.clock.advance(2)
    give_back(limits, id, 2)
    assert limits.taken(id) == 1


@pytest.mark.parametrize("rate", [1, 3, 0.1, 0.7])
def test_steady_use_does_not_lose_the_parts_of_a_slot_that_decayed(
    limits: Limits, rate: float
) -> None:
    id = limits.new(1000, active_slots=500, slot_decay_per_second=rate)
    for _ in range(40):
        limits.application.clock.advance(0.71 / rate)
        assert take(limits, id)
    assert limits.taken(id) == 500 + 40 - 28


def test_a_limit_with_nothing_taken_saves_no_decay_for_later(limits: Limits) -> None:
    id = limits.new(5, slot_decay_per_second=1)
    limits.application.clock.advance(3600)
    take(limits, id, slots=5)
    assert limits.taken(id) == 5
    limits.application.clock.advance(1)
    assert limits.taken(id) == 4


def test_a_refusal_does_not_start_the_decay_anew(limits: Limits) -> None:
    id = limits.new(1, active_slots=1, slot_decay_per_second=1)
    for _ in range(2):
        limits.application.clock.advance(0.4)
        assert not take(limits, id)
        deny(limits, id)
    limits.application.clock.advance(0.2)
    assert take(limits, id)


# Denied slots


def deny(limits: Limits, *ids: str) -> None:
    limits.application.write(note_denial, ids)


def test_denials_add_up_and_take_nothing(limits: Limits) -> None:
    ids = [limits.new(active_slots=1), limits.new(active_slots=1)]
    deny(limits, *ids)
    deny(limits, ids[0])
    assert [limits.read(id).denied for id in ids] == [2, 1]
    assert [limits.taken(id) for id in ids] == [1, 1]


@pytest.mark.parametrize(
    ("seconds", "left"), [(0.009, 10), (0.01, 9), (0.055, 5), (0.1, 0), (3600, 0)]
)
def test_denials_are_soon_forgotten(limits: Limits, seconds: float, left: int) -> None:
    id = limits.new(denied_slots=10)
    limits.application.clock.advance(seconds)
    assert limits.read(id).denied == left
    deny(limits, id)
    assert limits.column(id, "denied_slots") == left + 1


def test_who_is_denied_as_often_as_is_forgotten_is_not_counted_for_ever(limits: Limits) -> None:
    id = limits.new()
    for _ in range(30):
        limits.application.clock.advance(0.014)
        deny(limits, id)
    assert limits.read(id).denied == 1


# The largest numbers


def test_no_number_is_too_large_to_count_with(limits: Limits) -> None:
    id = limits.new(LARGEST, active_slots=LARGEST - 1, denied_slots=LARGEST)
    assert not take(limits, id, slots=LARGEST)
    assert take(limits, id)
    assert not take(limits, id)
    deny(limits, id)
    give_back(limits, id, LARGEST, 1e308)
    assert limits.taken(id) == 0


# Reading


def test_limits_are_found_by_their_names_in_this_order(limits: Limits) -> None:
    application = limits.application
    names = [limits.read(limits.new()).name for _ in range(3)][::-1]
    found = application.read(
        read_limits_by_name, application.clock.now(), [*names[:2], "nobody", names[2]]
    )
    assert [limit.name for limit in found] == names


def test_a_limit_shows_what_is_left_after_decay(limits: Limits) -> None:
    id = limits.new(9, active_slots=5, slot_decay_per_second=1)
    since = limits.column(id, "decays_from")
    limits.application.clock.advance(2.5)
    assert (limits.read(id).active_slots, limits.column(id, "active_slots")) == (3, 5)
    take(limits, id)
    assert limits.column(id, "decays_from") == since + 2 * SECOND
