"""Many who ask at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeAlias, TypeVar

import httpx

T = TypeVar("T")
Request: TypeAlias = Callable[[httpx.Client, int], httpx.Response]

#: How many ask at once.
MANY = 8


def at_once(ask: Callable[[int], T], many: int = MANY) -> list[T]:
    """What `ask` gives for the numbers 0 to `many` - 1, called by threads that start together."""
    barrier = Barrier(many)

    def one(number: int) -> T:
        barrier.wait(30)
        return ask(number)

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(one, range(many)))


def together(*asking: Callable[[], T]) -> list[T]:
    """What they give, called by threads that start together."""
    return at_once(lambda number: asking[number](), len(asking))


class Crowd:
    """Clients of one server or of several on one database.

    Attributes:
        apis: a client of each server.
    """

    def __init__(self, apis: list[httpx.Client]) -> None:
        self.apis = apis

    def answers(self, request: Request) -> list[httpx.Response]:
        """The answers to the requests number 0 to `MANY` - 1, shared out among the servers."""
        return at_once(lambda number: request(self.apis[number % len(self.apis)], number))

    def ask(self, request: Request) -> Counter[int]:
        """How often each status was answered to them."""
        return Counter(answer.status_code for answer in self.answers(request))
