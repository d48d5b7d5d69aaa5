"""Requests about documents that come at the same time, to two servers where there can be two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ephemeral_server import EphemeralServer, ephemeral
from tests import web
from tests.api.objects import made

#: How many ask at once.
MANY = 8


class Crowd:
    """Who asks the servers at the same moment."""

    def __init__(self, apis: list[httpx.Client]) -> None:
        self.apis = apis
        name = f"blocks-{uuid4()}"
        type = made(apis[0], "/block_types/", {"name": name, "slug": name})
        schema = made(apis[0], "/block_schemas/", {"block_type_id": type["id"]})
        self._of = {"block_type_id": type["id"], "block_schema_id": schema["id"]}

    def body(self, name: str, data: Any = None) -> dict[str, Any]:
        """That of a document to make."""
        return {"name": name, "data": data or {}, **self._of}

    def new(self, name: str) -> str:
        """The id of a new document."""
        id: str = made(self.apis[0], "/block_documents/", self.body(name))["id"]
        return id

    def data(self, id: str) -> Any:
        """The data of a document."""
        return self.apis[0].get(f"/block_documents/{id}").json()["data"]

    def ask(self, request: Callable[[httpx.Client, int], httpx.Response]) -> Counter[int]:
        """How often each status was answered to the requests number 0 to `MANY` - 1."""
        barrier = Barrier(MANY)

        def one(number: int) -> int:
            barrier.wait(30)
            return request(self.apis[number % len(self.apis)], number).status_code

        with ThreadPoolExecutor(MANY) as pool:
            return Counter(pool.map(one, range(MANY)))


@pytest.fixture
def crowd(server: EphemeralServer, database_url: str) -> Iterator[Crowd]:
    if database_url.startswith("sqlite"):
        with web.client(server.api_url) as api:
            yield Crowd([api])
        return
    with (
        ephemeral(database_url=database_url, activate=False) as second,
        web.client(server.api_url) as api,
        web.client(second.api_url) as other,
    ):
        yield Crowd([api, other])


def test_of_many_who_save_a_document_of_one_name_one_does(crowd: Crowd) -> None:
    body = crowd.body("mine")
    answers = crowd.ask(lambda api, _: api.post("/block_documents/", json=body))
    assert answers == {201: 1, 409: MANY - 1}


def test_changes_at_the_same_time_are_all_made(crowd: Crowd) -> None:
    id = crowd.new("mine")

    def change(api: httpx.Client, number: int) -> httpx.Response:
        return api.patch(f"/block_documents/{id}", json={"data": {f"k{number}": number}})

    assert crowd.ask(change) == {204: MANY}
    assert crowd.data(id) == {f"k{number}": number for number in range(MANY)}


def test_references_made_at_the_same_time_make_no_circle(crowd: Crowd) -> None:
    ids = [crowd.new(f"d{number}") for number in range(MANY)]

    def refer(api: httpx.Client, number: int) -> httpx.Response:
        next = {"$ref": {"block_document_id": ids[(number + 1) % MANY]}}
        return api.patch(f"/block_documents/{ids[number]}", json={"data": {"next": next}})

    assert crowd.ask(refer) == {204: MANY - 1, 400: 1}


def test_what_is_deleted_while_it_is_referred_to_is_gone_everywhere(crowd: Crowd) -> None:
    leaf, top = crowd.new("leaf"), crowd.new("top")

    def ask(api: httpx.Client, number: int) -> httpx.Response:
        if number == 0:
            return api.delete(f"/block_documents/{leaf}")
        reference = {"$ref": {"block_document_id": leaf}}
        return api.patch(f"/block_documents/{top}", json={"data": {f"k{number}": reference}})

    answers = crowd.ask(ask)
    assert set(answers) <= {204, 409}
    assert crowd.data(top) == {}
