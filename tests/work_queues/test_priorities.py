"""Priorities of queues, as numbers."""

from __future__ import annotations

import random

import pytest

from ephemeral_server.work_queues.priorities import free_priority, moved


@pytest.mark.parametrize(
    ("taken", "free"), [([], 1), ([1], 2), ([2, 3], 1), ([1, 2, 4], 3), ([1, 1, 2], 3)]
)
def test_the_smallest_number_that_is_free(taken: list[int], free: int) -> None:
    assert free_priority(taken) == free


@pytest.mark.parametrize(
    ("before", "id", "wanted", "changed"),
    [
        ({}, "a", 7, {"a": 7}),
        ({"b": 1}, "a", 1, {"a": 1, "b": 2}),
        ({"b": 1}, "a", 2, {"a": 2}),
        ({"b": 1, "c": 2, "d": 4}, "a", 1, {"a": 1, "b": 2, "c": 3}),
        ({"a": 1, "b": 2, "c": 3}, "a", 3, {"a": 3, "c": 4}),
        ({"a": 3, "b": 1, "c": 2}, "a", 1, {"a": 1, "b": 2, "c": 3}),
        ({"a": 2, "b": 1, "c": 3}, "a", 2, {"a": 2}),
        ({"b": 2, "c": 2, "d": 2}, "a", 1, {"a": 1, "c": 3, "d": 4}),
    ],
)
def test_those_behind_move_as_far_as_they_must(
    before: dict[str, int], id: str, wanted: int, changed: dict[str, int]
) -> None:
    assert moved(before, id, wanted) == changed


def test_no_two_are_alike_and_the_others_keep_their_order() -> None:
    random.seed(1)
    for _ in range(500):
        numbers = random.sample(range(1, 9), random.randint(0, 6))
        before = {str(place): number for place, number in enumerate(numbers)}
        wanted = random.randint(1, 9)
        after = before | moved(before, "new", wanted)

        assert after["new"] == wanted
        assert len(set(after.values())) == len(after)
        assert sorted(before, key=before.__getitem__) == sorted(before, key=after.__getitem__)
        assert all(after[id] >= number for id, number in before.items())
