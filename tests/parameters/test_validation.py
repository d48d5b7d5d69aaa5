"""Values against a JSON schema."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.parameters.validation import errors_of, failure, is_quick


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _fits(schema: dict[str, Any], values: Any, **options: bool) -> bool:
    return not errors_of(schema, values, **options)


INTEGER = {"type": "integer"}


@pytest.mark.parametrize(
    ("schema", "may_be_null"),
    [
        (_object(a=INTEGER), True),
        ({**_object(a=INTEGER), "required": ["a"]}, False),
        (_object(a={**INTEGER, "default": 1}), False),
        (_object(a={**INTEGER, "minimum": 3}), True),
        (_object(a={"enum": [1]}), False),
        (_object(a={"$ref": "#/definitions/A"}), False),
    ],
)
def test_what_is_neither_required_nor_has_a_default_may_be_null(
    schema: dict[str, Any], may_be_null: bool
) -> None:
    schema = {**schema, "definitions": {"A": INTEGER}}

    assert _fits(schema, {"a": None}) is may_be_null


def test_job_variables_with_a_default_may_be_null() -> None:
    schema = _object(a={**INTEGER, "default": 1})

    assert _fits(schema, {"a": None}, defaults_may_be_null=True)


def test_the_allowance_holds_in_nested_objects_and_definitions() -> None:
    nested = _object(o=_object(a=INTEGER), d={"$ref": "#/definitions/D"})
    schema = {**nested, "definitions": {"D": _object(a=INTEGER)}, "$defs": {}}

    assert _fits(schema, {"o": {"a": None}, "d": {"a": None}})
    other = {**_object(d={"$ref": "#/$defs/D"}), "$defs": {"D": _object(a=INTEGER)}}
    assert not _fits(other, {"d": {"a": None}})


def test_other_alternatives_still_count_beside_null() -> None:
    schema = _object(a={**INTEGER, "anyOf": [{"minimum": 5}, {"maximum": 1}]})

    assert _fits(schema, {"a": 7})
    assert not _fits(schema, {"a": 3})
    assert not _fits(schema, {"a": "s"})


def test_items_may_be_listed_one_by_one() -> None:
    schema = _object(l={"type": "array", "items": [INTEGER, {"type": "string"}]})

    assert _fits(schema, {"l": [1, "x"]})
    assert not _fits(schema, {"l": ["x", "x"]})


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"x": 1}, True),
        ({"$ref": "2b5b5b5b-2b5b-4b5b-8b5b-2b5b5b5b5b5b"}, True),
        ({"$ref": {"block_document_id": "x"}}, True),
        ({"$ref": "nope"}, False),
        ({"$ref": {}}, False),
        ({}, False),
    ],
)
def test_a_block_may_be_a_reference_to_a_stored_one(value: Any, fits: bool) -> None:
    block = {**_object(x=INTEGER), "required": ["x"], "block_type_slug": "s"}
    schema = {**_object(a={"$ref": "#/definitions/A"}), "definitions": {"A": block}}

    assert _fits(schema, {"a": value}) is fits


@pytest.mark.parametrize(
    ("format", "good", "bad"),
    [
        ("date-time", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00"),
        ("date-time", "2026-01-01T00:00:00.5+01:00", "soon"),
        ("time", "10:00:00Z", "10"),
        ("date", "2026-01-01", "2026-13-01"),
        ("uuid", "2b5b5b5b-2b5b-4b5b-8b5b-2b5b5b5b5b5b", "x"),
    ],
)
def test_formats_count_only_where_they_are_asked_for(format: str, good: str, bad: str) -> None:
    schema = _object(a={"type": "string", "format": format})

    assert _fits(schema, {"a": good}, formats=True)
    assert not _fits(schema, {"a": bad}, formats=True)
    assert _fits(schema, {"a": bad})


def test_the_schema_given_is_left_as_it_is() -> None:
    schema = _object(a={"type": "array", "items": [INTEGER]})
    errors_of(schema, {})

    assert schema == _object(a={"type": "array", "items": [INTEGER]})


def test_a_failure_names_the_place() -> None:
    schema = _object(l={"type": "array", "items": INTEGER})

    assert failure(errors_of(schema, {"l": ["x"]})) == (
        "Validation failed for field 'l[0]'. Failure reason: 'x' is not of type 'integer'"
    )
    assert failure([]) is None


def test_a_schema_is_quick_once_it_was_used() -> None:
    schema = {**_object(a=INTEGER), "title": "used for the first time"}
    assert not is_quick(schema, {"a": 1})

    errors_of(schema, {"a": 1})

    assert is_quick(schema, {"a": 2})


@pytest.mark.parametrize(
    "keyword",
    [
        {"pattern": "a"},
        {"patternProperties": {"a": {}}},
        {"uniqueItems": True},
        {"$ref": "#"},
        {"unevaluatedProperties": False},
    ],
)
def test_what_can_be_busy_with_few_values_is_not_quick(keyword: dict[str, Any]) -> None:
    schema = _object(a=keyword)
    errors_of(schema, {})

    assert not is_quick(schema, {})


def test_a_large_schema_is_quick_only_with_few_values() -> None:
    schema = _object(a={"description": "x" * 10_000})
    errors_of(schema, {})

    assert is_quick(schema, {"a": "x" * 10})
    assert not is_quick(schema, {"a": "x" * 1_000})
