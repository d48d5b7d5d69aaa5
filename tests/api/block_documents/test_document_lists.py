"""Finding block documents."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.block_documents.schemas import BlockDocument
from tests.api.block_documents.documents import Blocks, Document
from tests.api.objects import NOBODY
from tests.api.shapes import assert_shape
from tests.api.work_pools.pools import refusal


@pytest.fixture
def some(blocks: Blocks) -> dict[str, Document]:
    """Documents a, b1 and b2, and the anonymous c."""
    found = {name: blocks.new({"n": name}, name) for name in ("b2", "a", "b1")}
    return {**found, "c": blocks.new({}, "c", is_anonymous=True)}


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(
    ("filter", "names"),
    [
        (None, ["a", "b1", "b2"]),
        ({}, ["a", "b1", "b2"]),
        ({"is_anonymous": None}, ["a", "b1", "b2", "c"]),
        ({"is_anonymous": {}}, ["a", "b1", "b2", "c"]),
        ({"is_anonymous": {"eq_": None}}, ["a", "b1", "b2", "c"]),
        ({"is_anonymous": {"eq_": True}}, ["c"]),
        ({"name": {"any_": ["a", "c"]}}, ["a"]),
        ({"name": {"any_": []}}, []),
        ({"name": {"like_": "B"}}, ["b1", "b2"]),
        ({"name": {"like_": "b", "any_": ["b2", "a"]}}, ["b2"]),
        ({"id": {"any_": [NOBODY]}}, []),
        ({"block_type_id": {"any_": [NOBODY]}}, []),
        ({"operator": "or_", "name": {"any_": ["c"]}}, ["a", "b1", "b2", "c"]),
        (
            {"operator": "or_", "is_anonymous": {"eq_": True}, "name": {"any_": ["a"]}},
            ["a", "c"],
        ),
    ],
)
def test_documents_are_found_by_their_own_criteria(
    blocks: Blocks, filter: dict[str, Any] | None, names: list[str]
) -> None:
    assert blocks.names(block_documents=filter) == names
    assert blocks.count(block_documents=filter) == len(names)


def test_documents_are_found_by_their_ids(blocks: Blocks, some: dict[str, Document]) -> None:
    assert blocks.names(block_documents={"id": {"any_": [some["b1"].id]}}) == ["b1"]


@pytest.mark.usefixtures("some")
def test_documents_are_found_by_their_type(blocks: Blocks) -> None:
    Blocks(blocks.application).new(name="other")
    wanted = {"block_type_id": {"any_": [blocks.type["id"]]}}
    assert blocks.names(block_documents=wanted, block_types=None) == ["a", "b1", "b2"]
    assert blocks.names(block_types={"slug": {"any_": ["none"]}}) == []


def test_documents_are_found_by_what_their_schemas_can(
    blocks: Blocks, some: dict[str, Document]
) -> None:
    schema = blocks.new_schema(capabilities=("read-path", "write-path"))
    some["b1"].change(block_schema_id=schema["id"])
    for wanted, names in (
        (["write-path"], ["a", "b1", "b2"]),
        (["write-path", "read-path"], ["b1"]),
        (["read"], []),
    ):
        schemas = {"block_capabilities": {"all_": wanted}}
        assert blocks.names(block_schemas=schemas) == names
        assert blocks.count(block_schemas=schemas) == len(names)


@pytest.mark.usefixtures("some")
def test_orders(blocks: Blocks) -> None:
    assert blocks.names(sort="NAME_ASC") == ["a", "b1", "b2"]
    assert blocks.names(sort="NAME_DESC") == ["b2", "b1", "a"]


def test_documents_are_sorted_by_the_names_of_their_types(blocks: Blocks) -> None:
    both = sorted([blocks, Blocks(blocks.application)], key=lambda each: each.type["name"])
    both[0].new(name="z")
    both[1].new(name="a")
    types = {"slug": {"any_": [each.slug for each in both]}}
    names = blocks.names(block_types=types, sort="BLOCK_TYPE_AND_NAME_ASC")
    assert names == ["z", "a"]


@pytest.mark.usefixtures("some")
def test_pages(blocks: Blocks) -> None:
    assert blocks.names(limit=2) == ["a", "b1"]
    assert blocks.names(limit=2, offset=2) == ["b2"]
    assert blocks.names(limit=0) == []


@pytest.mark.usefixtures("some")
def test_nulls_mean_the_default(blocks: Blocks) -> None:
    nulls = dict.fromkeys(["block_documents", "block_schemas", "limit", "offset", "sort"])
    assert blocks.names(**nulls, include_secrets=None, block_schema_type=None) == ["a", "b1", "b2"]


@pytest.mark.parametrize("limit", [201, -1])
def test_limits_have_bounds(blocks: Blocks, limit: int) -> None:
    reply = blocks.application.post("/block_documents/filter", {"limit": limit})
    assert reply.status_code == 422
    assert reply.json()["detail"].startswith("Invalid limit")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"sort": "X"}, ["body", "sort"]),
        ({"offset": -1}, ["body", "offset"]),
        ({"block_documents": {"foo": 1}}, ["body", "block_documents", "foo"]),
        ({"block_documents": {"name": {"foo": 1}}}, ["body", "block_documents", "name", "foo"]),
    ],
)
def test_what_a_list_refuses(blocks: Blocks, body: dict[str, Any], place: list[str]) -> None:
    assert refusal(blocks.application.post("/block_documents/filter", body))[0] == place


def test_a_missing_body_is_an_empty_one(blocks: Blocks) -> None:
    count = blocks.application.post("/block_documents/count", {}).json()
    assert blocks.application.post("/block_documents/count").json() == count
    assert blocks.application.post("/block_documents/filter").status_code == 200


def test_listed_documents_are_as_they_are_alone(blocks: Blocks) -> None:
    leaf = blocks.new({"pw": "x"}, "leaf")
    middle = blocks.new({"leaf": leaf.ref}, "middle")
    top = blocks.new({"middle": middle.ref, "leaf": leaf.ref}, "top")
    types = {"slug": {"any_": [blocks.slug]}}
    for secrets in (False, True):
        body = {"block_types": types, "include_secrets": secrets}
        found = blocks.application.post("/block_documents/filter", body).json()
        alone = [each.read(include_secrets=secrets) for each in (leaf, middle, top)]
        assert found == alone
        path = f"/block_types/slug/{blocks.slug}/block_documents"
        assert blocks.application.get(path, params={"include_secrets": secrets}).json() == alone
    assert_shape(list[BlockDocument], found)


@pytest.mark.usefixtures("some")
def test_the_documents_of_a_type_are_all_but_the_anonymous_ones(blocks: Blocks) -> None:
    path = f"/block_types/slug/{blocks.slug}/block_documents"
    found = blocks.application.get(path, params={"limit": 1, "offset": 1}).json()
    assert [document["name"] for document in found] == ["a", "b1", "b2"]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/block_types/slug/no-such/block_documents", "Block type not found"),
        ("/block_types/slug/no-such/block_documents/name/a", "Block document not found"),
        ("/block_types/slug/{slug}/block_documents/name/no-such", "Block document not found"),
        (f"/block_documents/{NOBODY}", "Block document not found"),
        ("/block_documents/no-uuid", "Not Found"),
    ],
)
def test_what_is_not_there(blocks: Blocks, path: str, detail: str) -> None:
    reply = blocks.application.get(path.format(slug=blocks.slug))
    assert (reply.status_code, reply.json()) == (404, {"detail": detail})


@pytest.mark.parametrize("name", ["a", "c"])
def test_a_document_is_found_by_its_name(
    blocks: Blocks, some: dict[str, Document], name: str
) -> None:
    path = f"/block_types/slug/{blocks.slug}/block_documents/name/{name}"
    assert blocks.application.get(path).json() == some[name].read()


def test_a_document_found_by_its_name_tells_its_secrets_if_it_is_asked_for(
    blocks: Blocks,
) -> None:
    blocks.new({"pw": "x"}, "mine")
    path = f"/block_types/slug/{blocks.slug}/block_documents/name/mine"
    for asked, shown in (("true", "x"), ("1", "x"), ("false", "********")):
        reply = blocks.application.get(path, params={"include_secrets": asked})
        assert reply.json()["data"] == {"pw": shown}


def test_whether_secrets_are_asked_for_is_yes_or_no(blocks: Blocks) -> None:
    path = blocks.new().path
    reply = blocks.application.get(path, params={"include_secrets": "maybe"})
    assert refusal(reply)[0] == ["query", "include_secrets"]


def test_a_type_of_the_system_without_documents_has_an_empty_list(blocks: Blocks) -> None:
    assert blocks.application.get("/block_types/slug/secret/block_documents").json() == []


def test_more_documents_than_a_page_holds_are_read_with_what_they_refer_to(
    blocks: Blocks,
) -> None:
    leaf = blocks.new({"a": 1})
    for _ in range(201):
        blocks.new({"leaf": leaf.ref})
    path = f"/block_types/slug/{blocks.slug}/block_documents"
    found = blocks.application.get(path).json()
    assert [each["data"] for each in found if each["data"] != {"a": 1}] == [
        {"leaf": {"a": 1}}
    ] * 201
