"""Which queue of a pool comes first: what priorities become when they are taken."""

from __future__ import annotations

from tests.api.work_pools.pools import Pool


def with_queues(pool: Pool) -> Pool:
    """The pool with queues at 1, 2, 3 and 10."""
    for name, priority in (("q2", None), ("q3", None), ("q10", 10)):
        pool.add_queue(name, priority=priority)
    return pool


def test_a_queue_without_a_priority_takes_the_first_that_is_free(pool: Pool) -> None:
    with_queues(pool)
    assert pool.add_queue("next")["priority"] == 4
    pool.application.delete(f"{pool.path}/queues/q2")

    assert pool.priorities() == {"default": 1, "q3": 3, "next": 4, "q10": 10}
    assert pool.add_queue("again")["priority"] == 2


def test_a_new_queue_moves_those_behind_it_as_far_as_they_must(pool: Pool) -> None:
    with_queues(pool)

    assert pool.add_queue("top", priority=1)["priority"] == 1
    assert pool.priorities() == {"top": 1, "default": 2, "q2": 3, "q3": 4, "q10": 10}


def test_a_queue_that_moves_up_pushes_those_it_passes(pool: Pool) -> None:
    with_queues(pool).add_queue("top", priority=1)
    pool.change_queue("q10", priority=2)

    assert pool.priorities() == {"top": 1, "q10": 2, "default": 3, "q2": 4, "q3": 5}


def test_a_queue_that_moves_to_the_end_leaves_its_place_empty(pool: Pool) -> None:
    with_queues(pool)
    pool.change_queue("default", priority=50)

    assert pool.priorities() == {"q2": 2, "q3": 3, "q10": 10, "default": 50}


def test_a_queue_goes_before_the_one_whose_priority_it_takes(pool: Pool) -> None:
    with_queues(pool)
    pool.change_queue("default", priority=3)

    assert pool.priorities() == {"q2": 2, "default": 3, "q3": 4, "q10": 10}


def test_queues_that_had_to_move_are_dated_and_others_not(pool: Pool) -> None:
    with_queues(pool)
    before = {queue["name"]: queue["updated"] for queue in pool.queues()}
    pool.application.clock.advance(1)
    pool.change_queue("q3", priority=2)

    moved = {queue["name"] for queue in pool.queues() if queue["updated"] != before[queue["name"]]}
    assert moved == {"q2", "q3"}


def test_only_the_queue_that_was_asked_for_is_told(pool: Pool) -> None:
    with_queues(pool)
    before = len(pool.told())
    pool.change_queue("q3", priority=1)

    assert pool.told()[before:] == ["work-queue.updated"]


def test_the_largest_priority_leaves_room_for_those_behind_it(pool: Pool) -> None:
    largest = 2**62 - 1
    for name in ("a", "b", "c"):
        pool.add_queue(name, priority=largest)

    assert pool.priorities() == {"default": 1, "c": largest, "b": largest + 1, "a": largest + 2}


def test_queues_of_other_pools_stay_where_they_are(pool: Pool) -> None:
    other = Pool(pool.application)
    pool.add_queue("top", priority=1)

    assert other.priorities() == {"default": 1}
