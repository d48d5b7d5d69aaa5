"""Hands out what was just committed to those who watch.

A `Feed` takes items from whoever publishes them, on the server's loop, and never waits: each
`Subscription` has a backlog of its own. One that is not emptied in time is given up, so that
neither the publisher nor other subscribers feel a slow one and memory stays bounded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")

#: Bytes that may wait for a subscriber when more comes.
BACKLOG = 16 * 2**20


class Feed(Generic[T]):
    """What is published, for everyone who subscribes.

    Args:
        render: the message, in ASCII, that tells of an item; made once for all subscribers.
        backlog: bytes that may wait for a subscriber when more comes; it is given up if there
            are more. So what comes at once, however much, is no reason to give somebody up.
    """

    def __init__(self, render: Callable[[T], str], backlog: int = BACKLOG) -> None:
        self._render = render
        self._backlog = backlog
        self._subscriptions: set[Subscription[T]] = set()

    @property
    def subscriptions(self) -> int:
        """How many there are."""
        return len(self._subscriptions)

    @contextmanager
    def subscription(
        self, pick: Callable[[Sequence[T]], Sequence[int]]
    ) -> Iterator[Subscription[T]]:
        """Whatever is published from now on and picked.

        Args:
            pick: the places of what is wanted, among items; must not fail.
        """
        subscription = Subscription(pick)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def publish(self, items: Sequence[T]) -> None:
        """Hand out `items`, in order; costs nothing while nobody has subscribed."""
        if not self._subscriptions:
            return
        messages: dict[int, str] = {}
        for subscription in tuple(self._subscriptions):
            places = subscription.pick(items)
            if not places:
                continue
            if subscription.waiting > self._backlog:
                subscription.give_up()
                self._subscriptions.discard(subscription)
                continue
            for place in places:
                if place not in messages:
                    messages[place] = self._render(items[place])
            subscription.put([messages[place] for place in places])


class Subscription(Generic[T]):
    """The messages for one subscriber; iterating over them ends when some were lost.

    Attributes:
        pick: see `Feed.subscription`.
        waiting: bytes that were not taken yet.
    """

    def __init__(self, pick: Callable[[Sequence[T]], Sequence[int]]) -> None:
        self.pick = pick
        self.waiting = 0
        self._messages: deque[str] = deque()
        self._changed = asyncio.Event()
        self._given_up = False

    def put(self, messages: Sequence[str]) -> None:
        """Add messages to what waits."""
        self._messages.extend(messages)
        self.waiting += sum(map(len, messages))
        self._changed.set()

    def give_up(self) -> None:
        """Forget what waits, and end."""
        self._messages.clear()
        self.waiting = 0
        self._given_up = True
        self._changed.set()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        while not self._messages:
            if self._given_up:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        message = self._messages.popleft()
        self.waiting -= len(message)
        return message
