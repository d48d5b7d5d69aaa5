"""Handing out what was published to those who subscribed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from ephemeral_server.live import Feed, Subscription


def everything(items: Sequence[int]) -> list[int]:
    return list(range(len(items)))


def even(items: Sequence[int]) -> list[int]:
    return [place for place, item in enumerate(items) if item % 2 == 0]


def taken(subscription: Subscription[int]) -> list[str]:
    """All messages that wait."""

    async def take() -> list[str]:
        messages = []
        while subscription.waiting:
            messages.append(await anext(subscription))
        return messages

    return asyncio.run(take())


def ended(subscription: Subscription[int]) -> bool:
    async def end() -> list[str]:
        return [message async for message in subscription]

    return asyncio.run(asyncio.wait_for(end(), 5)) == []


def test_each_subscriber_gets_what_it_picks_in_order() -> None:
    feed = Feed[int](str)
    with feed.subscription(everything) as all_, feed.subscription(even) as some:
        feed.publish([3, 4, 2])
        feed.publish([1])
        feed.publish([0])

        assert taken(all_) == ["3", "4", "2", "1", "0"]
        assert taken(some) == ["4", "2", "0"]


def test_nothing_from_before_or_after_is_handed_out() -> None:
    feed = Feed[int](str)
    feed.publish([1])
    with feed.subscription(everything) as subscription:
        feed.publish([2])
    feed.publish([3])

    assert taken(subscription) == ["2"]
    assert feed.subscriptions == 0


def test_a_message_is_made_once_for_all_and_only_if_somebody_wants_it() -> None:
    made: list[int] = []

    def render(item: int) -> str:
        made.append(item)
        return str(item)

    feed = Feed[int](render)
    feed.publish([8, 9])
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(feed.subscription(even))
        feed.publish([1, 2, 3, 4])

    assert made == [2, 4]


def test_who_waits_is_woken() -> None:
    async def wait() -> str:
        feed = Feed[int](str)
        with feed.subscription(everything) as subscription:
            waiting = asyncio.ensure_future(anext(subscription))
            await asyncio.sleep(0)
            feed.publish([7])
            return await asyncio.wait_for(waiting, 5)

    assert asyncio.run(wait()) == "7"


def test_who_lets_too_much_wait_is_given_up_when_more_comes() -> None:
    feed = Feed[int](str, backlog=3)
    with feed.subscription(everything) as slow, feed.subscription(even) as other:
        feed.publish([10, 20])
        assert (taken(other), feed.subscriptions) == (["10", "20"], 2)
        feed.publish([31])  # more than three bytes wait for `slow`

        assert feed.subscriptions == 1
        assert slow.waiting == 0
        assert ended(slow)
        feed.publish([40])
        assert taken(other) == ["40"]


def test_a_backlog_that_is_just_full_is_none_too_many() -> None:
    feed = Feed[int](str, backlog=3)
    with feed.subscription(everything) as subscription:
        feed.publish([100])
        feed.publish([2])

        assert taken(subscription) == ["100", "2"]


def test_what_was_taken_does_not_count() -> None:
    feed = Feed[int](str, backlog=3)
    with feed.subscription(everything) as subscription:
        for _ in range(3):
            feed.publish([1000])
            assert taken(subscription) == ["1000"]


def test_however_much_comes_at_once_nobody_is_given_up() -> None:
    feed = Feed[int](str, backlog=3)
    with feed.subscription(everything) as subscription:
        feed.publish(range(100))

        assert len(taken(subscription)) == 100


def test_who_gets_nothing_of_it_is_not_given_up() -> None:
    feed = Feed[int](str, backlog=3)
    with feed.subscription(even) as subscription:
        feed.publish([1000])
        feed.publish([1])

        assert taken(subscription) == ["1000"]
