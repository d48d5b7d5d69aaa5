"""Whether the values of a form fit its schema."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.ui_api.schema_routes import SchemaValuesValidationResponse
from tests.api.shapes import assert_shape
from tests.application import Application


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _at(place: str | int, *errors: Any) -> dict[str, Any]:
    key = "index" if isinstance(place, int) else "property"
    return {key: place, "errors": list(errors)}


def stands(kind: str, **members: Any) -> dict[str, Any]:
    return {"__prefect_kind": kind, **members}


INTEGER = {"type": "integer"}
STRICT = {**_object(a=INTEGER), "required": ["a"]}
BAD_JSON = (
    "Invalid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
)


@pytest.mark.parametrize(
    ("schema", "values", "errors"),
    [
        (_object(a=INTEGER), {"a": 1}, []),
        (
            _object(a=INTEGER),
            {"a": "x"},
            [_at("a", "'x' is not valid under any of the given schemas")],
        ),
        (STRICT, {}, [_at("a", "'a' is a required property")]),
        (_object(o=STRICT), {"o": {}}, [_at("o", _at("a", "'a' is a required property"))]),
        (
            _object(l={"type": "array", "items": STRICT}),
            {"l": [{"a": "x"}, {}]},
            [
                _at(
                    "l",
                    _at(0, _at("a", "'x' is not of type 'integer'")),
                    _at(1, _at("a", "'a' is a required property")),
                )
            ],
        ),
        (
            _object(a={"type": "string", "minLength": 5, "pattern": "^b"}),
            {"a": "x"},
            [_at("a", "'x' is too short"), _at("a", "'x' does not match '^b'")],
        ),
        ({"type": "array"}, {}, ["{} is not of type 'array'"]),
        (
            {**_object(a={}), "additionalProperties": False},
            {"b": 1},
            ["Additional properties are not allowed ('b' was unexpected)"],
        ),
        (
            _object(u={"type": "string", "format": "uuid"}),
            {"u": "x"},
            [_at("u", "'x' is not a 'uuid'")],
        ),
        # What stands for a value.
        (STRICT, {"a": stands("jinja", template="{{ x }}")}, []),
        (STRICT, {"a": stands("json", value="{")}, [_at("a", BAD_JSON)]),
        (STRICT, {"a": stands("json")}, [_at("a", "'a' is a required property")]),
        (STRICT, {"a": stands("json", value='"s"')}, [_at("a", "'s' is not of type 'integer'")]),
        (STRICT, stands("jinja", template="x"), []),
        (STRICT, stands("json", value="{"), [BAD_JSON]),
        (
            _object(l={"type": "array", "items": INTEGER}),
            {"l": [stands("json", value="{"), "x"]},
            [_at("l", _at(0, BAD_JSON), _at(1, "'x' is not of type 'integer'"))],
        ),
        # Also where the schema asks for nothing: without a value there is nothing to run with.
        ({}, {"a": stands("json", value="{")}, [_at("a", BAD_JSON)]),
        (
            STRICT,
            {"a": 1, "b": stands("workspace_variable", variable_name="nope")},
            [_at("b", "Variable 'nope' not found in workspace.")],
        ),
    ],
)
def test_errors_are_nested_along_the_places_they_are_at(
    application: Application, schema: Any, values: Any, errors: list[Any]
) -> None:
    reply = application.post("/ui/schemas/validate", {"schema": schema, "values": values})

    assert reply.status_code == 200, reply.text
    assert_shape(SchemaValuesValidationResponse, reply.json())
    assert reply.json() == {"errors": errors, "valid": not errors}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "odd"}, "'odd' is not valid under any of the given schemas"),
        (_object(a={"type": "string", "pattern": "("}), "'(' is not a 'regex'"),
        ({"properties": []}, "[] is not of type 'object'"),
        ({"required": 5}, "5 is not of type 'array'"),
        (
            {"$ref": "#/definitions/A", "definitions": {"A": {"$ref": "#/definitions/A"}}},
            "Unable to validate schema with circular references.",
        ),
        (
            {"$ref": "http://127.0.0.1:1/x"},
            "Validation failed. Failure reason: Unresolvable: http://127.0.0.1:1/x",
        ),
    ],
)
def test_a_schema_that_is_none_is_refused(
    application: Application, schema: Any, reason: str
) -> None:
    reply = application.post("/ui/schemas/validate", {"schema": schema, "values": {}})

    assert (reply.status_code, reply.json()) == (422, {"detail": f"Invalid schema: {reason}"})


@pytest.mark.parametrize("member", ["schema", "values"])
def test_both_must_be_objects(application: Application, member: str) -> None:
    body: dict[str, Any] = {"schema": {}, "values": {}, member: []}
    reply = application.post("/ui/schemas/validate", body)

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"] == ["body", member]
