"""Clients of two servers that ask for block types at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import httpx
import pytest

from ephemeral_server import EphemeralServer, ephemeral
from tests import web

MANY = 8


@pytest.fixture
def apis(server: EphemeralServer, database_url: str) -> Iterator[list[httpx.Client]]:
    """Clients of both servers; nobody has asked these for blocks yet."""
    with (
        ephemeral(database_url=database_url, activate=False) as second,
        web.client(server.api_url) as api,
        web.client(second.api_url) as other,
    ):
        yield [api, other]


def _at_once(
    apis: list[httpx.Client], ask: Callable[[httpx.Client], httpx.Response]
) -> list[httpx.Response]:
    barrier = Barrier(MANY)

    def one(number: int) -> httpx.Response:
        barrier.wait(30)
        return ask(apis[number % len(apis)])

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(one, range(MANY)))


def test_all_of_them_find_the_system_types(apis: list[httpx.Client]) -> None:
    answers = _at_once(apis, lambda api: api.get("/block_types/slug/secret"))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_of_many_who_register_one_type_one_does(apis: list[httpx.Client]) -> None:
    type = {"name": "raced for", "slug": f"t-{uuid4()}"}
    answers = _at_once(apis, lambda api: api.post("/block_types/", json=type))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: MANY - 1}
