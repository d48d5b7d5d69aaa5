"""Changing and deleting block documents."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from ephemeral_server.admin.storage import KEY as RESULT_STORAGE
from ephemeral_server.database.tables import block_document, configuration
from ephemeral_server.database.transaction import Transaction
from tests.api.block_documents.documents import Blocks
from tests.api.objects import NOBODY
from tests.api.work_pools.pools import refusal
from tests.application import Application

HIDDEN = "********"
STORED = {
    "pw": "secret",
    "creds": {"pw": {"deep": 1}, "user": "me"},
    "headers": {"a": "x", "n": None},
    "plain": 1,
}


def test_new_keys_are_merged_into_the_old_ones(blocks: Blocks) -> None:
    document = blocks.new({"a": 1, "b": {"c": 2}})
    document.change({"b": {"d": 3}, "e": None})
    assert document.data() == {"a": 1, "b": {"d": 3}, "e": None}


def test_new_data_takes_the_place_of_the_old_where_it_is_not_merged(blocks: Blocks) -> None:
    document = blocks.new({"a": 1, "k": blocks.new().ref})
    document.change({"b": 2}, merge_existing_data=False)
    assert document.data() == {"b": 2}


def test_without_data_nothing_is_left_where_it_is_not_merged(blocks: Blocks) -> None:
    document = blocks.new({"a": 1, "k": blocks.new().ref})
    document.change(merge_existing_data=False)
    assert document.data() == {}


def test_without_data_the_data_stays(blocks: Blocks, application: Application) -> None:
    document = blocks.new({"a": 1, "k": blocks.new().ref})
    application.clock.advance(1)
    document.change()
    after = document.read()
    assert after["data"] == document.made["data"]
    assert after["updated"] > document.made["updated"]
    assert document.events()[-1].event == "prefect.block-document.updated"


@pytest.mark.parametrize("merge", [True, False])
def test_data_that_is_sent_back_as_it_was_shown_changes_nothing(
    blocks: Blocks, merge: bool
) -> None:
    other = blocks.new({"pw": "x", "o": 1})
    document = blocks.new({**STORED, "other": other.ref})
    before = document.data()

    document.change(document.shown(), merge_existing_data=merge)

    assert document.data() == before == {**STORED, "other": {"pw": "x", "o": 1}}
    references = document.read()["block_document_references"]
    assert references["other"]["block_document"]["id"] == other.id
    assert other.data() == {"pw": "x", "o": 1}


def test_data_that_is_sent_back_with_its_secrets_changes_nothing(blocks: Blocks) -> None:
    document = blocks.new({**STORED, "other": blocks.new({"pw": "x"}).ref})
    before = document.read(include_secrets=True)
    document.change(before["data"])
    after = document.read(include_secrets=True)
    for key in ("data", "block_document_references"):
        assert after[key] == before[key]


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({"pw": HIDDEN}, {}),
        ({"pw": "new"}, {"pw": "new"}),
        ({"pw": None}, {"pw": None}),
        ({"pw": {"a": 1}}, {"pw": {"a": 1}}),
        ({"creds": {"pw": HIDDEN}}, {"creds": {"pw": {"deep": 1}}}),
        ({"creds": {"user": "you"}}, {"creds": {"user": "you"}}),
        ({"headers": {"a": HIDDEN, "b": 2}}, {"headers": {"a": "x", "b": 2}}),
        ({"headers": {"b": HIDDEN}}, {"headers": {"b": HIDDEN}}),
        ({"headers": HIDDEN}, {}),
        ({"headers": {}}, {"headers": {}}),
        ({"plain": HIDDEN}, {"plain": HIDDEN}),
    ],
)
def test_a_secret_stays_where_it_is_sent_back_hidden(
    blocks: Blocks, sent: dict[str, Any], found: dict[str, Any]
) -> None:
    document = blocks.new(STORED)
    document.change(sent)
    assert document.data() == {**STORED, **found}


def test_secrets_stay_although_the_new_schema_knows_of_none(blocks: Blocks) -> None:
    document = blocks.new(STORED)
    document.change(document.shown(), block_schema_id=blocks.new_schema()["id"])
    assert document.shown() == STORED


def test_references_stay_where_the_new_data_does_not_mention_them(blocks: Blocks) -> None:
    document = blocks.new({"a": 1, "k": blocks.new({"b": 2}).ref})
    document.change({"a": 3})
    assert document.data() == {"a": 3, "k": {"b": 2}}


def test_a_reference_may_be_to_another_document(blocks: Blocks) -> None:
    document = blocks.new({"k": blocks.new({"a": 1}).ref})
    document.change({"k": blocks.new({"b": 2}).ref})
    assert document.data() == {"k": {"b": 2}}


def test_a_reference_may_become_data_and_data_a_reference(blocks: Blocks) -> None:
    other = blocks.new({"a": 1})
    document = blocks.new({"k": other.ref, "l": "text"})
    document.change({"k": "text", "l": other.ref})
    assert document.data() == {"k": "text", "l": {"a": 1}}
    assert list(document.read()["block_document_references"]) == ["l"]


def test_references_may_change_places(blocks: Blocks) -> None:
    one, two = blocks.new({"a": 1}), blocks.new({"b": 2})
    document = blocks.new({"k": one.ref, "l": two.ref})
    document.change({"k": two.ref, "l": one.ref})
    assert document.data() == {"k": {"b": 2}, "l": {"a": 1}}


def test_a_change_that_is_refused_leaves_all_as_it_was(blocks: Blocks) -> None:
    document = blocks.new({"a": 1, "k": blocks.new({"b": 2}).ref})
    told = len(document.events())
    reply = document.patch(data={"a": 2, "k": 3, "l": document.ref})
    assert reply.status_code == 400
    assert document.data() == {"a": 1, "k": {"b": 2}}
    assert len(document.events()) == told


def test_a_document_may_get_a_newer_schema_of_its_type(blocks: Blocks) -> None:
    document, schema = blocks.new({"a": 1}), blocks.new_schema("a")
    document.change(block_schema_id=schema["id"])
    after = document.read()
    assert after["block_schema"] == schema
    assert after["data"] == {"a": HIDDEN}
    assert document.data() == {"a": 1}


def test_a_document_keeps_its_type(blocks: Blocks) -> None:
    document, others = blocks.new(), Blocks(blocks.application)
    reply = document.patch(block_schema_id=others.schema["id"], data={"a": 1})
    detail = "Must migrate block document to a block schema of the same block type."
    assert (reply.status_code, reply.json()) == (400, {"detail": detail})
    assert document.data() == {}


@pytest.mark.parametrize("given", [{}, {"data": {}}])
def test_a_new_schema_must_be_there(blocks: Blocks, given: dict[str, Any]) -> None:
    reply = blocks.new().patch(block_schema_id=NOBODY, **given)
    detail = {"detail": f"Block schema {NOBODY} not found."}
    assert (reply.status_code, reply.json()) == (409, detail)


@pytest.mark.parametrize(
    "body",
    [{"name": "x"}, {"is_anonymous": True}, {"data": None}, {"merge_existing_data": None}],
)
def test_what_cannot_be_changed(blocks: Blocks, body: dict[str, Any]) -> None:
    assert refusal(blocks.new().patch(**body))[0] == ["body", *body]


def test_the_schema_may_be_null(blocks: Blocks) -> None:
    document = blocks.new()
    document.change({"a": 1}, block_schema_id=None)
    assert document.data() == {"a": 1}


def test_what_is_told_of_a_change(blocks: Blocks) -> None:
    document, schema = blocks.new({"a": "old", "pw": "x"}), blocks.new_schema("b")
    document.change({"a": "new", "b": "y"}, block_schema_id=schema["id"])
    event = document.events()[-1]
    assert event.event == "prefect.block-document.updated"
    assert event.payload["data"] == {"a": "new", "pw": "x"}
    assert event.related[1]["prefect.resource.id"] == f"prefect.block-schema.{schema['id']}"


def test_a_document_is_deleted(blocks: Blocks) -> None:
    document = blocks.new({"a": "text", "pw": "x"}, "mine")
    document.delete()
    for method in ("GET", "PATCH", "DELETE"):
        reply = blocks.application.request(method, document.path, {} if method == "PATCH" else None)
        assert (reply.status_code, reply.json()) == (404, {"detail": "Block document not found"})
    event = document.events()[-1]
    assert event.event == "prefect.block-document.deleted"
    assert event.payload["data"] == {"a": "text"}
    blocks.new(name="mine")


def test_what_refers_to_a_deleted_document_stays_without_it(blocks: Blocks) -> None:
    leaf = blocks.new({"a": 1})
    middle = blocks.new({"leaf": leaf.ref, "b": 2})
    top = blocks.new({"middle": middle.ref})
    leaf.delete()
    assert top.data() == {"middle": {"b": 2}}
    middle.delete()
    assert (top.data(), top.read()["block_document_references"]) == ({}, {})


def test_what_a_deleted_document_refers_to_stays(blocks: Blocks) -> None:
    leaf = blocks.new({"a": 1})
    blocks.new({"leaf": leaf.ref}).delete()
    assert leaf.data() == {"a": 1}


def test_a_document_that_no_key_opens_can_be_deleted(blocks: Blocks) -> None:
    document = blocks.new({"a": "text"})
    blocks.application.write(_seal, document.id)
    assert blocks.application.get(document.path).status_code == 424
    document.delete()
    assert document.events()[-1].payload["data"] == {}


def test_documents_go_with_their_type(blocks: Blocks) -> None:
    document = blocks.new({"k": blocks.new().ref})
    assert blocks.application.delete(f"/block_types/{blocks.type['id']}").status_code == 204
    assert blocks.application.get(document.path).status_code == 404


def test_documents_go_with_their_schema(blocks: Blocks) -> None:
    document, schema = blocks.new(), blocks.new_schema()
    document.change(block_schema_id=schema["id"])
    assert blocks.application.delete(f"/block_schemas/{schema['id']}").status_code == 204
    assert blocks.application.get(document.path).status_code == 404


@pytest.mark.parametrize("by", ["document", "type", "schema"])
def test_results_go_nowhere_by_default_when_the_block_for_them_goes(
    blocks: Blocks, by: str
) -> None:
    application, document = blocks.application, blocks.new()
    _choose(application, document.id)
    paths = {
        "document": document.path,
        "type": f"/block_types/{blocks.type['id']}",
        "schema": f"/block_schemas/{blocks.schema['id']}",
    }
    assert application.delete(paths[by]).status_code == 204
    application.clock.advance(10)
    chosen = application.get("/admin/storage").json()
    assert chosen == {"default_result_storage_block_id": None}


def test_results_go_where_they_went_when_another_block_goes(blocks: Blocks) -> None:
    application, document = blocks.application, blocks.new()
    _choose(application, document.id)
    blocks.new().delete()
    application.clock.advance(10)
    chosen = application.get("/admin/storage").json()
    assert chosen == {"default_result_storage_block_id": document.id}
    document.delete()


def _seal(tx: Transaction, id: str) -> None:
    """Let the data of a document be sealed by a key that nobody has."""
    where = block_document.c.id == id
    tx.connection.execute(update(block_document).where(where).values(data="sealed"))


def _choose(application: Application, id: str) -> None:
    value = f'{{"default_result_storage_block_id":"{id}"}}'
    application.insert(configuration, key=RESULT_STORAGE, value=value)
