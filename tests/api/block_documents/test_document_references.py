"""Documents that refer to others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ephemeral_server.block_documents.references import DEEPEST, MOST
from ephemeral_server.block_documents.schemas import BlockDocument
from ephemeral_server.database.tables import block_document_reference
from tests.api.block_documents.documents import Blocks, Document
from tests.api.objects import NOBODY
from tests.api.shapes import assert_shape
from tests.application import Application


def test_the_data_of_what_is_referred_to_is_part_of_it(blocks: Blocks) -> None:
    leaf = blocks.new({"a": 1})
    middle = blocks.new({"leaf": leaf.ref, "b": 2})
    top = blocks.new({"middle": middle.ref, "leaf": leaf.ref})

    assert_shape(BlockDocument, top.made)
    assert top.made["data"] == {"middle": {"b": 2, "leaf": {"a": 1}}, "leaf": {"a": 1}}


def test_own_data_comes_before_what_is_referred_to(blocks: Blocks) -> None:
    assert list(blocks.new({"a": blocks.new().ref, "b": 2}).made["data"]) == ["b", "a"]


def test_what_is_referred_to_is_described(blocks: Blocks) -> None:
    leaf = blocks.new({"a": 1}, "leaf")
    middle = blocks.new({"leaf": leaf.ref}, is_anonymous=True)
    top = blocks.new({"middle": middle.ref})

    assert top.made["block_document_references"] == {
        "middle": {
            "block_document": {
                "id": middle.id,
                "name": middle.made["name"],
                "block_type": blocks.type,
                "is_anonymous": True,
                "block_document_references": {
                    "leaf": {
                        "block_document": {
                            "id": leaf.id,
                            "name": "leaf",
                            "block_type": blocks.type,
                            "is_anonymous": False,
                            "block_document_references": {},
                        }
                    }
                },
            }
        }
    }


def test_secrets_are_hidden_as_each_schema_says(application: Application) -> None:
    leaf = Blocks(application, "inner").new({"inner": "x", "outer": "y"})
    top = Blocks(application, "outer", "leaf.outer").new({"leaf": leaf.ref, "outer": "z"})

    assert top.shown() == {"outer": "********", "leaf": {"inner": "********", "outer": "y"}}
    assert top.data() == {"outer": "z", "leaf": {"inner": "x", "outer": "y"}}


def test_what_looks_like_a_reference_deeper_in_the_data_is_data(blocks: Blocks) -> None:
    other = blocks.new()
    data = {"list": [other.ref], "object": {"a": other.ref}}
    document = blocks.new(data)
    assert document.made["data"] == data
    assert document.made["block_document_references"] == {}


@pytest.mark.parametrize("reference", [{}, None, {"block_document_id": None}, "text", 5, [1]])
def test_a_reference_names_a_document(blocks: Blocks, reference: Any) -> None:
    reply = blocks.create(name="mine", data={"k": {"$ref": reference}})
    detail = {"detail": "Received block reference without a block_document_id in key k"}
    assert (reply.status_code, reply.json()) == (400, detail)


@pytest.mark.parametrize("id", ["abc", 7, ["a"], {"a": 1}])
def test_a_reference_has_an_id(blocks: Blocks, id: Any) -> None:
    reply = blocks.create(name="mine", data={"k": {"$ref": {"block_document_id": id}}})
    assert reply.status_code == 400
    assert reply.json()["detail"].endswith("that is no UUID in key k")


def test_an_id_may_be_written_in_any_way(blocks: Blocks) -> None:
    other = blocks.new({"a": 1})
    id = other.id.replace("-", "").upper()
    assert blocks.new({"k": {"$ref": {"block_document_id": id}}}).data() == {"k": {"a": 1}}


@pytest.mark.parametrize("key", ["\x00", "\ud800"])
def test_a_reference_has_a_key_that_can_be_stored(blocks: Blocks, key: str) -> None:
    body = {
        "name": "mine",
        "block_type_id": blocks.type["id"],
        "block_schema_id": blocks.schema["id"],
        "data": {key: blocks.new().ref},
    }
    headers = {"Content-Type": "application/json"}
    reply = blocks.application.post("/block_documents/", content=json.dumps(body), headers=headers)
    assert reply.status_code == 422
    assert reply.json()["detail"].endswith("cannot be the key of a block reference")


def test_what_is_referred_to_must_be_there(blocks: Blocks) -> None:
    reply = blocks.create(name="mine", data={"k": {"$ref": {"block_document_id": NOBODY}}})
    detail = {"detail": f"Block document {NOBODY} not found, but referred to."}
    assert (reply.status_code, reply.json()) == (409, detail)
    assert blocks.names() == []


def test_a_document_is_no_part_of_itself(blocks: Blocks) -> None:
    document = blocks.new({"a": 1})
    _assert_circle(document, document)
    assert document.data() == {"a": 1}


def test_documents_make_no_circle(blocks: Blocks) -> None:
    leaf = blocks.new()
    middle = blocks.new({"leaf": leaf.ref})
    top = blocks.new({"middle": middle.ref})
    _assert_circle(leaf, top)
    _assert_circle(leaf, middle)
    _assert_circle(middle, top)
    assert top.data() == {"middle": {"leaf": {}}}


def test_a_document_may_be_in_another_in_several_ways(blocks: Blocks) -> None:
    leaf = blocks.new({"a": 1})
    middle = blocks.new({"leaf": leaf.ref})
    top = blocks.new({"one": middle.ref, "two": middle.ref, "leaf": leaf.ref})
    inner = {"leaf": {"a": 1}}
    assert top.data() == {"one": inner, "two": inner, "leaf": {"a": 1}}


def test_a_document_is_of_no_more_levels_than_can_be_read(blocks: Blocks) -> None:
    bottom = document = blocks.new({"a": 1})
    for _ in range(DEEPEST - 1):
        document = blocks.new({"k": document.ref})
    assert blocks.create(name="mine", data={"k": document.ref}).status_code == 400
    # Nor does one become so from below.
    reply = bottom.patch(data={"k": blocks.new().ref})
    assert reply.status_code == 400
    assert f"more than {DEEPEST} levels" in reply.json()["detail"]


def test_a_document_does_not_double_with_each_level(blocks: Blocks) -> None:
    document = blocks.new({"a": 1})
    for _ in range(MOST.bit_length() - 2):
        document = blocks.new({"one": document.ref, "two": document.ref})
    reply = blocks.create(name="mine", data={"one": document.ref, "two": document.ref})
    assert reply.status_code == 400
    assert f"more than {MOST} documents" in reply.json()["detail"]


def test_a_circle_that_somebody_has_put_into_the_database_can_be_read(blocks: Blocks) -> None:
    one, two = blocks.new({"a": 1}), blocks.new({"b": 2})
    for parent, child in ((one, two), (two, one)):
        blocks.application.insert(
            block_document_reference,
            id="",
            parent_block_document_id=parent.id,
            name="k",
            reference_block_document_id=child.id,
        )
    assert one.data() == {"a": 1, "k": {"b": 2}}
    assert two.read()["block_document_references"]["k"]["block_document"]["id"] == one.id
    one.delete()
    two.delete()


def _assert_circle(parent: Document, child: Document) -> None:
    reply = parent.patch(data={"k": child.ref})
    detail = (
        "Cannot create block document reference: it would introduce a cycle into the "
        f"block_document_reference graph (parent={parent.id}, reference={child.id})."
    )
    assert (reply.status_code, reply.json()) == (400, {"detail": detail})
