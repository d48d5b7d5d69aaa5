"""Parameters against what a deployment takes."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.parameters.checks import (
    HydrationError,
    ParametersError,
    check_parameters,
    hydrated,
)
from ephemeral_server.parameters.validation import InvalidSchemaError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "s": {"type": "string"}},
    "required": ["n"],
}


def _refusal(parameters: dict[str, Any], schema: Any = SCHEMA, **given: Any) -> str:
    with pytest.raises(ParametersError) as refused:
        check_parameters(parameters, schema, **{"ignore_required": False, **given})
    return str(refused.value)


def test_what_fits_passes() -> None:
    check_parameters({"n": 1, "other": [1]}, SCHEMA, ignore_required=False)


def test_anything_fits_an_empty_schema() -> None:
    check_parameters({"n": "x"}, {}, ignore_required=False)


def test_a_value_that_does_not_fit_is_named() -> None:
    reason = _refusal({"n": "x"})
    assert reason == "Validation failed for field 'n'. Failure reason: 'x' is not of type 'integer'"


def test_what_is_missing_is_told_of_the_whole() -> None:
    assert _refusal({}) == "Validation failed. Failure reason: 'n' is a required property"


def test_what_is_required_may_be_missing_if_that_is_ignored() -> None:
    check_parameters({}, SCHEMA, ignore_required=True)


def test_what_is_required_may_not_be_null_even_if_its_absence_is_ignored() -> None:
    assert "None is not of type" in _refusal({"n": None}, ignore_required=True)


def test_nested_requirements_are_ignored_too() -> None:
    schema = {"type": "object", "properties": {"o": SCHEMA}}
    check_parameters({"o": {}}, schema, ignore_required=True)


def test_a_property_named_required_is_none_that_is_ignored() -> None:
    schema = {"properties": {"required": {"type": "integer"}}}
    assert "'required'" in _refusal({"required": "x"}, schema, ignore_required=True)


def test_what_is_optional_may_be_null_only_if_the_schema_is_read_leniently() -> None:
    check_parameters({"n": 1, "s": None}, SCHEMA, ignore_required=False)
    assert "None is not of type 'string'" in _refusal({"n": 1, "s": None}, lenient=False)


@pytest.mark.parametrize("schema", [None, [], "x"])
def test_without_a_schema_nothing_fits(schema: Any) -> None:
    assert "does not have a valid parameter schema" in _refusal({}, schema)


def test_a_schema_that_refers_to_what_is_not_there_fits_nothing() -> None:
    reason = _refusal({"a": 1}, {"properties": {"a": {"$ref": "http://localhost/a"}}})
    assert reason == "Validation failed. Failure reason: Unresolvable: http://localhost/a"


def test_a_schema_in_circles_is_none() -> None:
    circle = {"$ref": "#/definitions/a"}
    schema = {"properties": {"a": circle}, "definitions": {"a": circle}}
    with pytest.raises(InvalidSchemaError, match="circular references"):
        check_parameters({"a": 1}, schema, ignore_required=False)


def test_what_is_no_schema_is_told_as_such() -> None:
    with pytest.raises(InvalidSchemaError, match="Invalid schema: 'whatever' is not valid"):
        check_parameters({}, {"type": "whatever"}, ignore_required=False)


def test_checking_leaves_a_schema_as_it_is() -> None:
    before = repr(SCHEMA)
    check_parameters({"n": 1}, SCHEMA, ignore_required=True)
    assert repr(SCHEMA) == before


def test_the_same_schema_is_read_in_each_way_that_is_asked_for() -> None:
    _refusal({}, ignore_required=False)
    check_parameters({}, SCHEMA, ignore_required=True)
    _refusal({}, ignore_required=False)


def test_hydration_replaces_what_stands_for_values() -> None:
    parameters = {
        "a": {"__prefect_kind": "json", "value": "[1]"},
        "b": {"__prefect_kind": "workspace_variable", "variable_name": "v"},
        "c": {"__prefect_kind": "json"},
    }
    assert hydrated(parameters, {"v": 2}) == {"a": [1], "b": 2}


def test_the_first_value_that_cannot_be_had_is_told() -> None:
    parameters = {"a": 1, "b": {"__prefect_kind": "none"}, "c": {"__prefect_kind": "jinja"}}
    with pytest.raises(HydrationError, match="Missing 'value' key in __prefect object"):
        hydrated(parameters, {})


def test_of_parameters_that_vanish_as_a_whole_none_are_left() -> None:
    assert hydrated({"__prefect_kind": "json"}, {}) == {}
