"""Block schemas are made once for each checksum and version."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.block_schemas.checksum import checksum
from ephemeral_server.block_schemas.schemas import BlockSchema
from tests.api.block_schemas.blocks import fields_of, new_schema, new_type
from tests.api.objects import NOBODY
from tests.api.shapes import assert_shape
from tests.application import Application


def test_a_schema_is_made_as_it_was_sent(application: Application) -> None:
    type = new_type(application)
    fields = fields_of(type, properties={"f": {"default": 1.0}, "n": {"default": None}})
    fields["block_schema_references"] = {}
    schema = new_schema(
        application, type, fields, capabilities=["write-path", "a", "a"], version="1.2"
    )

    assert_shape(BlockSchema, schema)
    assert schema["checksum"] == checksum(fields)
    assert schema["fields"] == fields
    assert schema["capabilities"] == ["write-path", "a", "a"]
    assert schema["version"] == "1.2"
    assert schema["block_type"] == type
    assert schema["block_type_id"] == type["id"]
    assert application.get(f"/block_schemas/{schema['id']}").json() == schema


def test_fields_version_and_capabilities_may_be_left_out(application: Application) -> None:
    type = new_type(application)
    reply = application.post("/block_schemas/", {"block_type_id": type["id"]})

    assert reply.status_code == 201
    schema = reply.json()
    assert schema["fields"] == {"block_schema_references": {}}
    assert schema["version"] == "non-versioned"
    assert schema["capabilities"] == []


def test_secret_fields_do_not_count_for_the_checksum(application: Application) -> None:
    type = new_type(application)
    fields = fields_of(type)
    schema = new_schema(application, type, {**fields, "secret_fields": ["a"]})

    assert schema["checksum"] == checksum(fields)
    assert schema["fields"]["secret_fields"] == ["a"]


def test_a_schema_that_is_there_is_answered_as_it_is(application: Application) -> None:
    first = new_type(application)
    fields = fields_of(first)
    schema = new_schema(application, first, fields, capabilities=["a"])
    application.clock.advance(1)
    other = new_type(application)
    body = {
        "block_type_id": other["id"],
        "fields": {**fields, "secret_fields": ["x"]},
        "capabilities": ["b"],
    }
    reply = application.post("/block_schemas/", body)

    assert (reply.status_code, reply.json()) == (200, schema)


def test_another_version_is_another_schema(application: Application) -> None:
    type = new_type(application)
    fields = fields_of(type)
    one, other = (new_schema(application, type, fields, version=v) for v in ("1", "2"))

    assert one["checksum"] == other["checksum"]
    assert one["id"] != other["id"]


def test_a_float_stays_a_float(application: Application) -> None:
    type = new_type(application)
    schema = new_schema(application, type, fields_of(type, default=1.0))

    assert '"default":1.0' in application.get(f"/block_schemas/{schema['id']}").text


def test_a_schema_needs_a_block_type_that_is_there(application: Application) -> None:
    reply = application.post("/block_schemas/", {"block_type_id": NOBODY})

    assert reply.status_code == 404
    assert reply.json() == {"detail": f"Block type {NOBODY} not found."}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("block_type_id", None),
        ("block_type_id", "x"),
        ("fields", None),
        ("fields", []),
        ("capabilities", None),
        ("capabilities", "abc"),
        ("capabilities", [1]),
        ("capabilities", ["\x00"]),
        ("version", None),
        ("version", "\x00"),
        ("checksum", "x"),
    ],
)
def test_what_is_no_schema_is_refused(application: Application, member: str, value: Any) -> None:
    reply = application.post("/block_schemas/", {"block_type_id": NOBODY, member: value})

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"][:2] == ["body", member]


@pytest.mark.parametrize("depth", [150, 400, 900, 3000])
def test_fields_of_any_depth_are_taken_or_refused(application: Application, depth: int) -> None:
    type = new_type(application)
    deep = '{"a":' * depth + "1" + "}" * depth
    reply = application.post(
        "/block_schemas/",
        content=f'{{"block_type_id":"{type["id"]}","fields":{deep}}}',
        headers={"content-type": "application/json"},
    )

    assert reply.status_code in ((201,) if depth < 200 else (201, 400, 422)), reply.text


def test_text_that_no_database_stores_is_kept_in_fields(application: Application) -> None:
    type = new_type(application)
    fields = fields_of(type, default=f"\x00{uuid4()}")

    assert new_schema(application, type, fields)["fields"]["default"] == fields["default"]
