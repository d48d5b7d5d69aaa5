"""Clients of two servers that ask for block types at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from uuid import uuid4

import pytest

from ephemeral_server import EphemeralServer, ephemeral
from tests import web
from tests.crowd import MANY, Crowd


@pytest.fixture
def crowd(server: EphemeralServer, database_url: str) -> Iterator[Crowd]:
    """Clients of both servers; nobody has asked these for blocks yet."""
    with (
        ephemeral(database_url=database_url, activate=False) as second,
        web.client(server.api_url) as api,
        web.client(second.api_url) as other,
    ):
        yield Crowd([api, other])


def test_all_of_them_find_the_system_types(crowd: Crowd) -> None:
    answers = crowd.answers(lambda api, _: api.get("/block_types/slug/secret"))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_of_many_who_register_one_type_one_does(crowd: Crowd) -> None:
    type = {"name": "raced for", "slug": f"t-{uuid4()}"}
    answers = crowd.answers(lambda api, _: api.post("/block_types/", json=type))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: MANY - 1}
