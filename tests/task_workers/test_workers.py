"""Who is woken for a run, and who is said to be there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ephemeral_server.clock import SECOND, ManualClock
from ephemeral_server.task_workers.workers import Presence, TaskWorkers, Worker

NOON = 1_763_812_800 * SECOND


class Bakery:
    """Workers on a loop of their own, and who of them was woken."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.workers = TaskWorkers(self.clock)
        self.loop = asyncio.new_event_loop()
        self._waiting: dict[Worker, asyncio.Future[None]] = {}

    def connect(self, name: str, *keys: str) -> Worker:
        """A worker that waits."""
        worker = self.workers.connect(name, keys)
        self.wait(worker)
        return worker

    def wait(self, worker: Worker) -> None:
        """The worker waits, as the last in the queue."""

        async def wait() -> asyncio.Future[None]:
            return self.workers.wait(worker)

        self._waiting[worker] = self.loop.run_until_complete(wait())

    def woken(self) -> list[str]:
        """Who was woken and does not wait again."""
        return [worker.client_id for worker, woken in self._waiting.items() if woken.done()]

    def present(self, *keys: str) -> list[Presence]:
        return self.workers.present(keys)


@pytest.fixture
def bakery() -> Iterator[Bakery]:
    bakery = Bakery()
    yield bakery
    bakery.loop.close()


# Who is woken


def test_a_run_wakes_the_worker_that_has_waited_longest(bakery: Bakery) -> None:
    first = bakery.connect("first", "bread")
    bakery.connect("second", "bread")
    bakery.connect("cook", "soup")
    bakery.workers.wake("bread")
    assert bakery.woken() == ["first"]
    bakery.wait(first)
    bakery.workers.wake("bread")
    assert bakery.woken() == ["second"]


def test_each_run_wakes_another_worker(bakery: Bakery) -> None:
    for name in ("first", "second"):
        bakery.connect(name, "bread")
    bakery.workers.wake("bread")
    bakery.workers.wake("bread")
    bakery.workers.wake("bread")
    assert bakery.woken() == ["first", "second"]


def test_a_worker_is_woken_for_any_of_its_tasks_once(bakery: Bakery) -> None:
    bakery.connect("baker", "bread", "cake", "bread")
    bakery.workers.wake("cake")
    bakery.workers.wake("bread")
    assert bakery.woken() == ["baker"]


def test_who_got_a_run_lets_another_look_for_more(bakery: Bakery) -> None:
    """It was woken for the bread, found a cake as well, and took that."""
    all_round = bakery.connect("all-round", "cake", "bread")
    bakery.connect("baker", "bread")
    bakery.workers.wake("bread")
    bakery.workers.wake("cake")
    assert bakery.woken() == ["all-round"]
    bakery.workers.pass_on(all_round)
    assert bakery.woken() == ["all-round", "baker"]


def test_who_works_is_not_woken(bakery: Bakery) -> None:
    busy = bakery.connect("busy", "bread")
    bakery.workers.pass_on(busy)
    bakery.connect("idle", "bread")
    bakery.workers.wake("bread")
    assert bakery.woken() == ["busy", "idle"]  # (it was awake before)


def test_who_leaves_lets_another_look_for_what_it_was_woken_for(bakery: Bakery) -> None:
    gone = bakery.connect("gone", "bread")
    bakery.connect("stays", "bread")
    bakery.workers.wake("bread")
    bakery.workers.disconnect(gone)
    assert bakery.woken() == ["gone", "stays"]


# Who is there


def test_a_worker_is_there_as_long_as_it_is_connected(bakery: Bakery) -> None:
    worker = bakery.connect("baker", "bread", "cake")
    bakery.clock.advance(100)
    assert bakery.present() == [Presence("baker", ["bread", "cake"], bakery.clock.now())]
    bakery.workers.disconnect(worker)
    assert bakery.present() == []


def test_connections_of_one_worker_are_told_as_one(bakery: Bakery) -> None:
    first = bakery.connect("baker", "bread", "cake")
    bakery.connect("baker", "cake", "pie")
    bakery.connect("cook", "soup")
    assert [(each.client_id, each.keys) for each in bakery.present()] == [
        ("baker", ["bread", "cake", "pie"]),
        ("cook", ["soup"]),
    ]
    bakery.workers.disconnect(first)
    assert [each.keys for each in bakery.present("pie")] == [["cake", "pie"]]


def test_a_worker_that_owes_an_answer_was_seen_when_it_was_asked(bakery: Bakery) -> None:
    worker = bakery.connect("baker", "bread")
    worker.silent_since = bakery.clock.now()
    bakery.clock.advance(5)
    assert [each.seen for each in bakery.present()] == [NOON]
    bakery.connect("baker", "cake")
    assert [each.seen for each in bakery.present()] == [NOON + 5 * SECOND]


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ((), ["baker", "cook"]),
        (("bread",), ["baker"]),
        (("soup", "cake"), ["baker", "cook"]),
        (("soup", "nothing"), ["cook"]),
        (("nothing",), []),
    ],
)
def test_workers_are_found_by_any_of_their_tasks(
    bakery: Bakery, keys: tuple[str, ...], names: list[str]
) -> None:
    bakery.connect("baker", "bread", "cake")
    bakery.connect("cook", "soup")
    assert [each.client_id for each in bakery.present(*keys)] == names
