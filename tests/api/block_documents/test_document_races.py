"""Requests about documents that come at the same time, to two servers where there can be two."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.objects import made
from tests.crowd import MANY, Crowd


class Documents(Crowd):
    """Documents of one type, and who asks for them."""

    def __init__(self, apis: list[httpx.Client]) -> None:
        super().__init__(apis)
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


@pytest.fixture
def crowd(apis: list[httpx.Client]) -> Documents:
    return Documents(apis)


def test_of_many_who_save_a_document_of_one_name_one_does(crowd: Documents) -> None:
    body = crowd.body("mine")
    answers = crowd.ask(lambda api, _: api.post("/block_documents/", json=body))
    assert answers == {201: 1, 409: MANY - 1}


def test_changes_at_the_same_time_are_all_made(crowd: Documents) -> None:
    id = crowd.new("mine")

    def change(api: httpx.Client, number: int) -> httpx.Response:
        return api.patch(f"/block_documents/{id}", json={"data": {f"k{number}": number}})

    assert crowd.ask(change) == {204: MANY}
    assert crowd.data(id) == {f"k{number}": number for number in range(MANY)}


def test_references_made_at_the_same_time_make_no_circle(crowd: Documents) -> None:
    ids = [crowd.new(f"d{number}") for number in range(MANY)]

    def refer(api: httpx.Client, number: int) -> httpx.Response:
        next = {"$ref": {"block_document_id": ids[(number + 1) % MANY]}}
        return api.patch(f"/block_documents/{ids[number]}", json={"data": {"next": next}})

    assert crowd.ask(refer) == {204: MANY - 1, 400: 1}


def test_what_is_deleted_while_it_is_referred_to_is_gone_everywhere(crowd: Documents) -> None:
    leaf, top = crowd.new("leaf"), crowd.new("top")

    def ask(api: httpx.Client, number: int) -> httpx.Response:
        if number == 0:
            return api.delete(f"/block_documents/{leaf}")
        reference = {"$ref": {"block_document_id": leaf}}
        return api.patch(f"/block_documents/{top}", json={"data": {f"k{number}": reference}})

    answers = crowd.ask(ask)
    assert set(answers) <= {204, 409}
    assert crowd.data(top) == {}
