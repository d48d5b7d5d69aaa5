"""Identifiers sort by the time of their making."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from ephemeral_server.ids import new_id, new_ids

NOON = 1_767_268_800_000_000


def assert_uuid7(id: str, instant: int) -> None:
    uuid = UUID(id)
    assert str(uuid) == id
    assert (uuid.version, uuid.variant) == (7, RFC_4122)
    assert uuid.int >> 80 == instant // 1000


def test_an_id_is_a_uuid_of_version_7_that_holds_its_millisecond() -> None:
    for instant in (0, NOON, NOON + 999):
        assert_uuid7(new_id(instant), instant)
        assert_uuid7(new_ids(1, instant)[0], instant)


def test_ids_of_later_microseconds_sort_after_earlier_ones() -> None:
    ids = [new_id(NOON + microsecond) for microsecond in range(3000)]

    assert ids == sorted(ids)


def test_ids_made_together_sort_in_their_order_beyond_the_millisecond() -> None:
    ids = new_ids(3000, NOON + 998)

    assert ids == sorted(set(ids))
    for number, id in enumerate(ids):
        assert_uuid7(id, NOON + 998 + number)


def test_ids_of_one_instant_differ() -> None:
    assert len({new_id(NOON) for _ in range(1000)}) == 1000
    assert not set(new_ids(1000, NOON)) & set(new_ids(1000, NOON))


def test_ids_are_of_now_unless_an_instant_is_given() -> None:
    before = new_id()
    (first, second), after = new_ids(2), new_id()

    assert before[:18] <= first[:18] < second[:18]
    assert UUID(after).int >> 80 >= UUID(before).int >> 80


def test_no_ids_at_all_can_be_asked_for() -> None:
    assert new_ids(0) == []
