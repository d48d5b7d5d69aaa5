"""What values of bodies and filters may be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from ephemeral_server.fields import (
    FreeText,
    IdText,
    Instant,
    Integer,
    JsonObject,
    JsonValue,
    Labels,
    NameText,
    Offset,
    Page,
    Pattern,
    Storable,
    UtcDatetime,
)

ID = "0190a000-0000-7000-8000-00000000000a"


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (Storable, "ü😀\n", "ü😀\n"),
        (FreeText, "a\x00b\ud800ü", "ab?ü"),
        (NameText, "my flow!", "my flow!"),
        (Labels, {"a": True, "b": 1, "c": 1.5, "d": "x"}, {"a": True, "b": 1, "c": 1.5, "d": "x"}),
        (JsonObject, {"a": [{"b": None}]}, {"a": [{"b": None}]}),
        (JsonValue, [{"b": None}], [{"b": None}]),
        (JsonValue, "\x00", "\x00"),
        (Instant, "1970-01-01T00:00:00.000001Z", 1),
        (Instant, "1970-01-01T01:00:00+01:00", 0),
        (Instant, "1970-01-01 00:00:01", 1_000_000),
        (Instant, "1970-01-02", 86_400_000_000),
        (Instant, 1.5, 1_500_000),
        (Instant, "9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        (IdText, ID, ID),
        (IdText, ID.upper(), ID),
        (IdText, ID.replace("-", ""), ID),
        (Integer, "5", 5),
        (Integer, -(2**63), -(2**63)),
        (Offset, 2**63 - 1, 2**63 - 1),
        (Page, 1, 1),
    ],
)
def test_accepted(kind: Any, given: Any, value: Any) -> None:
    found = TypeAdapter(kind).validate_python(given)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("kind", "given", "reason"),
    [
        (Storable, "a\x00", "must not contain NUL"),
        (Storable, "a\ud800", "must not contain lone surrogates"),
        (NameText, "a/b", "should match pattern"),
        (NameText, "", "should match pattern"),
        (NameText, "a\x00", "must not contain NUL"),
        (Labels, {"a": []}, "valid"),
        (Labels, {"a": float("nan")}, "must not contain NaN"),
        (Labels, {"a\x00": 1}, "must not contain NUL"),
        (Labels, {"a": "\x00"}, "must not contain NUL"),
        (Labels, {"a": "\ud800"}, "must not contain lone surrogates"),
        (JsonValue, _nested(100_000), "is nested too deeply"),
        (JsonObject, {"a": float("inf")}, "must not contain NaN"),
        (Instant, "0001-01-01T00:00:00+01:00", "is outside the years 1 to 9999"),
        (Instant, "9999-12-31T23:59:59-01:00", "is outside the years 1 to 9999"),
        (Instant, "yesterday", "valid datetime"),
        (Instant, None, "valid datetime"),
        (UtcDatetime, "0001-01-01T00:00:00+01:00", "is outside the years 1 to 9999"),
        (IdText, "5", "valid UUID"),
        (IdText, 5, "UUID input should be"),
        (IdText, [], "UUID input should be"),
        (Integer, 2**63, "less than or equal"),
        (Integer, -(2**63) - 1, "greater than or equal"),
        (Offset, -1, "greater than or equal"),
        (Pattern, "x" * 10_001, "String should have at most 10000 characters"),
        (Pattern, "a\x00", "must not contain NUL"),
        (Page, 0, "greater than or equal"),
    ],
)
def test_refused(kind: Any, given: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter(kind).validate_python(given)
