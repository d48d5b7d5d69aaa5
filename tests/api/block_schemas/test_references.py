"""Block schemas that refer to those of other blocks."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.block_schemas.checksum import checksum
from tests.api.block_schemas.blocks import fields_of, new_schema, new_type, reference
from tests.application import Application


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{name}"}


def _post(application: Application, type: dict[str, Any], fields: dict[str, Any]) -> Any:
    return application.post("/block_schemas/", {"block_type_id": type["id"], "fields": fields})


def _by_checksum(application: Application, checksum: str) -> Any:
    return application.get(f"/block_schemas/checksum/{checksum}")


def _nested(application: Application) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A type, fields of a block within it (with a model), and fields that hold that block."""
    type = new_type(application)
    model = {"title": "Model", "type": "object"}
    alone = fields_of(type, properties={"m": _ref("Model")}, block_schema_references={})
    child = {**alone, "definitions": {"Model": model}}
    parent = fields_of(
        type,
        properties={"child": _ref("Child")},
        block_schema_references={"child": reference(type, checksum(child))},
        definitions={"Child": alone, "Model": model, "Other": {"title": "Other"}},
    )
    return type, child, parent


def test_definitions_and_references_are_read_as_they_were_sent(application: Application) -> None:
    type, child, parent = _nested(application)
    new_schema(application, type, child)
    schema = new_schema(application, type, parent)

    assert schema["fields"] == parent
    assert application.get(f"/block_schemas/{schema['id']}").json() == schema


def test_they_are_read_so_when_the_schema_referred_to_is_gone(application: Application) -> None:
    type, child, parent = _nested(application)
    gone = new_schema(application, type, child)
    schema = new_schema(application, type, parent)
    application.delete(f"/block_schemas/{gone['id']}")

    assert application.get(f"/block_schemas/{schema['id']}").json() == schema


def test_a_schema_that_is_missing_is_made_as_its_client_would(application: Application) -> None:
    type, child, parent = _nested(application)
    new_schema(application, type, parent, capabilities=["a"], version="7")
    made = _by_checksum(application, checksum(child)).json()

    assert made["fields"] == child
    assert made["version"] == "non-versioned"
    assert made["capabilities"] == []
    assert made["block_type_id"] == type["id"]


def test_any_version_of_a_schema_will_do(application: Application) -> None:
    type, child, parent = _nested(application)
    there = new_schema(application, type, child, version="3")
    new_schema(application, type, parent)

    assert _by_checksum(application, there["checksum"]).json() == there


def test_a_union_is_told_apart_by_the_types(application: Application) -> None:
    one, other = new_type(application), new_type(application)
    blocks = {"One": fields_of(one), "Other": fields_of(other), "Model": {"title": "Model"}}
    parent = fields_of(
        one,
        properties={"u": {"anyOf": [_ref("Model"), _ref("One"), _ref("Other")]}},
        block_schema_references={"u": [reference(t, f"x{uuid4()}") for t in (one, other)]},
        definitions=blocks,
    )
    read = new_schema(application, one, parent)["fields"]["block_schema_references"]["u"]

    made = [_by_checksum(application, item["block_schema_checksum"]).json() for item in read]
    assert [schema["block_type_id"] for schema in made] == [one["id"], other["id"]]
    assert [schema["fields"]["title"] for schema in made] == [
        blocks["One"]["title"],
        blocks["Other"]["title"],
    ]


def test_a_reference_tells_the_checksum_of_what_was_made(application: Application) -> None:
    type, child, parent = _nested(application)
    parent["block_schema_references"]["child"] = reference(type, "sha256:claimed")
    schema = new_schema(application, type, parent)

    assert schema["checksum"] == checksum(parent)
    assert schema["fields"]["block_schema_references"]["child"] == reference(type, checksum(child))


def test_blocks_within_blocks_within_blocks_are_made(application: Application) -> None:
    type = new_type(application)
    inner = fields_of(type)
    middle = fields_of(
        type,
        properties={"i": _ref("Inner")},
        block_schema_references={"i": reference(type, checksum(inner))},
    )
    claimed = reference(type, checksum({**middle, "definitions": {"Inner": inner}}))
    outer = fields_of(
        type,
        properties={"m": _ref("Middle"), "again": _ref("Middle")},
        block_schema_references={"m": claimed, "again": claimed},
        definitions={"Middle": middle, "Inner": inner},
    )
    schema = new_schema(application, type, outer)

    assert schema["fields"] == outer
    assert _by_checksum(application, checksum(inner)).status_code == 200
    assert _by_checksum(application, claimed["block_schema_checksum"]).status_code == 200


def test_a_type_that_is_not_there_is_a_conflict_and_leaves_nothing(
    application: Application,
) -> None:
    type = new_type(application)
    fields = fields_of(type, block_schema_references={"a": reference({"slug": "nope"}, "x")})
    reply = _post(application, type, fields)

    assert reply.status_code == 409
    assert reply.json() == {
        "detail": "Cannot create block schema because block type 'nope' was not found."
        "Did you forget to register the block type?"
    }
    assert _by_checksum(application, checksum(fields)).status_code == 404


@pytest.mark.parametrize(
    "properties", [{}, {"a": {}}, {"a": _ref("Nobody")}, {"a": _ref("Text")}, "text"]
)
def test_a_schema_neither_there_nor_defined_is_refused(
    application: Application, properties: Any
) -> None:
    type = new_type(application)
    fields = fields_of(
        type,
        properties=properties,
        block_schema_references={"a": reference(type, "sha256:nobody")},
        definitions={"Text": "text"},
    )
    reply = _post(application, type, fields)

    assert reply.status_code == 422
    assert "block_schema_references.a" in reply.json()["detail"]


def test_blocks_that_hold_each_other_are_refused(application: Application) -> None:
    type = new_type(application)
    circle = {
        name: fields_of(
            type,
            properties={"next": _ref(other)},
            block_schema_references={"next": reference(type, f"sha256:{uuid4()}")},
        )
        for name, other in (("One", "Other"), ("Other", "One"))
    }
    reply = _post(application, type, {**circle["Other"], "definitions": circle})

    assert reply.status_code == 422
    assert reply.json() == {"detail": "fields.definitions.One refers to itself"}


def test_no_more_than_fifty_schemas_are_made_with_another(application: Application) -> None:
    type = new_type(application)
    chain = {
        f"B{place}": fields_of(
            type,
            properties={"next": _ref(f"B{place + 1}")},
            block_schema_references={"next": reference(type, f"sha256:{uuid4()}")},
        )
        for place in range(51)
    }
    chain["B51"] = fields_of(type)

    reply = _post(application, type, {**chain["B0"], "definitions": chain})
    assert reply.status_code == 422
    assert "more than 50 schemas" in reply.json()["detail"]
    assert _post(application, type, {**chain["B1"], "definitions": chain}).status_code == 201


@pytest.mark.parametrize(
    "references",
    [
        None,
        [],
        "a",
        {"a": None},
        {"a": "b"},
        {"a": {}},
        {"a": [None]},
        {"a": {"block_type_slug": "x"}},
        {"a": {"block_schema_checksum": "x"}},
        {"a": {"block_type_slug": 1, "block_schema_checksum": "x"}},
    ],
)
def test_what_refers_to_no_schema_is_refused(application: Application, references: Any) -> None:
    type = new_type(application)
    reply = _post(application, type, {"block_schema_references": references})

    assert reply.status_code == 422
    (error,) = reply.json()["exception_detail"]
    assert error["loc"] == ["body", "fields"]
    assert error["msg"].startswith("Value error, block_schema_references")


def test_it_is_refused_within_a_definition_too(application: Application) -> None:
    type, _, parent = _nested(application)
    parent["block_schema_references"]["child"] = reference(type, "sha256:claimed")
    parent["definitions"]["Child"]["block_schema_references"] = {"a": 1}
    reply = _post(application, type, parent)

    assert reply.status_code == 422
    assert reply.json()["detail"].startswith("block_schema_references.a must be an object")
