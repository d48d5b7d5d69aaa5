"""Making block documents."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.block_documents.schemas import BlockDocument
from tests.api.block_documents.documents import Blocks
from tests.api.objects import NOBODY
from tests.api.shapes import assert_shape
from tests.api.work_pools.pools import refusal
from tests.application import Application


def test_a_document_is_answered_with_its_type_and_schema(blocks: Blocks) -> None:
    document = blocks.new({"a": 1}, "mine").made

    assert_shape(BlockDocument, document)
    assert document["name"] == "mine"
    assert document["data"] == {"a": 1}
    assert document["block_type_id"] == blocks.type["id"]
    assert document["block_type_name"] == blocks.type["name"]
    assert document["block_type"] == blocks.type
    assert document["block_schema_id"] == blocks.schema["id"]
    assert document["block_schema"] == blocks.schema
    assert document["block_document_references"] == {}
    assert document["is_anonymous"] is False


def test_secrets_are_not_answered_but_kept(blocks: Blocks) -> None:
    document = blocks.new({"pw": "x", "headers": {"a": "y"}})

    assert document.made["data"] == {"pw": "********", "headers": {"a": "********"}}
    assert document.data() == {"pw": "x", "headers": {"a": "y"}}


def test_data_comes_back_as_it_was_sent(blocks: Blocks) -> None:
    data: Any = {"a": [1, 1.0, -0.5, 1e300, None, True, {"b": {}}], "é☃😀": '\x00\n"\\', "": ""}
    assert blocks.new(data).data() == data


@pytest.mark.parametrize("given", [{}, {"name": None}, {"name": ""}])
def test_a_document_needs_a_name(blocks: Blocks, given: dict[str, Any]) -> None:
    reason = "Value error, Names must be provided for block documents."
    assert refusal(blocks.create(**given)) == (["body"], reason)


@pytest.mark.parametrize("given", [{}, {"name": None}])
def test_an_anonymous_document_is_given_a_name(blocks: Blocks, given: dict[str, Any]) -> None:
    reply = blocks.create(is_anonymous=True, **given)
    assert reply.status_code == 201
    assert reply.json()["name"].startswith("anonymous-")
    assert reply.json()["is_anonymous"] is True


def test_an_anonymous_document_may_have_a_name(blocks: Blocks) -> None:
    assert blocks.new(name="mine", is_anonymous=True).made["name"] == "mine"


@pytest.mark.parametrize("name", ["Upper", "under_score", "with space", "ü", "line\n"])
def test_a_name_has_only_letters_numbers_and_dashes(blocks: Blocks, name: str) -> None:
    reason = (
        "Value error, Block document name must only contain lowercase letters, numbers, and dashes."
    )
    assert refusal(blocks.create(name=name)) == (["body", "name"], reason)


@pytest.mark.parametrize("anonymous", [False, True])
def test_a_name_is_there_once_for_each_type(blocks: Blocks, anonymous: bool) -> None:
    blocks.new(name="mine")
    reply = blocks.create(name="mine", is_anonymous=anonymous)
    assert (reply.status_code, reply.json()) == (409, {"detail": "Block already exists"})
    Blocks(blocks.application).new(name="mine")


def test_the_type_must_be_there(blocks: Blocks) -> None:
    reply = blocks.create(name="mine", block_type_id=NOBODY)
    detail = {"detail": f"Block type {NOBODY} not found."}
    assert (reply.status_code, reply.json()) == (404, detail)


def test_the_schema_must_be_there(blocks: Blocks) -> None:
    reply = blocks.create(name="mine", block_schema_id=NOBODY)
    detail = {"detail": f"Block schema {NOBODY} not found."}
    assert (reply.status_code, reply.json()) == (409, detail)


@pytest.mark.parametrize("data", [None, [], "text"])
def test_data_is_an_object(blocks: Blocks, data: Any) -> None:
    assert refusal(blocks.create(name="mine", data=data))[0] == ["body", "data"]


def test_unknown_members_are_refused(blocks: Blocks) -> None:
    assert refusal(blocks.create(name="mine", more=1))[0] == ["body", "more"]


def test_what_is_told_of_a_new_document(blocks: Blocks) -> None:
    data = {"pw": "x", "text": "shown", "number": 1, "creds": {"o": "below"}}
    document = blocks.new(data, "mine")

    (event,) = document.events()
    assert event.event == "prefect.block-document.created"
    assert event.resource["prefect.resource.name"] == "mine"
    assert event.related == [
        {
            "prefect.resource.id": f"prefect.block-type.{blocks.type['id']}",
            "prefect.resource.role": "block-type",
            "prefect.resource.name": blocks.type["name"],
        },
        {
            "prefect.resource.id": f"prefect.block-schema.{blocks.schema['id']}",
            "prefect.resource.role": "block-schema",
        },
    ]
    assert event.payload == {
        "name": "mine",
        "data": {"text": "shown"},
        "block_schema": {
            "capabilities": ["write-path"],
            "block_type": {"id": blocks.type["id"], "name": blocks.type["name"]},
        },
    }


def test_nothing_is_told_of_anonymous_documents(blocks: Blocks) -> None:
    document = blocks.new(is_anonymous=True)
    document.change({"a": 1})
    document.delete()
    assert document.events() == []


def test_nothing_is_told_of_a_document_that_is_refused(
    blocks: Blocks, application: Application
) -> None:
    told = len(application.events)
    blocks.create(name="mine", data={"a": {"$ref": {"block_document_id": NOBODY}}})
    assert len(application.events) == told
