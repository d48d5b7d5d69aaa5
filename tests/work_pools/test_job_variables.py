"""What job templates ask for."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from ephemeral_server.database.schema import bring_schema
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.parameters.validation import InvalidSchemaError
from ephemeral_server.settings import Settings
from ephemeral_server.work_pools.job_variables import (
    JobVariablesError,
    check_defaults,
    check_template,
    check_variables,
    defaults_of,
)
from tests.api.objects import NOBODY

VAULT = Vault(Settings(), temporary=True)


@pytest.fixture
def connection() -> Any:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        bring_schema(connection, 0)
        yield connection
    engine.dispose()


def _template(*, required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    variables: dict[str, Any] = {"type": "object", "properties": properties}
    if required is not None:
        variables["required"] = required
    return {"job_configuration": {"command": "x"}, "variables": variables}


INTEGER = {"type": "integer"}
STRING = {"type": "string"}


def _own(template: dict[str, Any]) -> dict[str, Any]:
    """Defaults of a template that names no blocks."""
    properties = template["variables"]["properties"]
    return {name: spec["default"] for name, spec in properties.items() if "default" in spec}


def _check(template: dict[str, Any], *layers: dict[str, Any], **given: Any) -> None:
    check_variables(template, _own(template), *layers, **given)


def _refusal(template: dict[str, Any], *layers: dict[str, Any], **given: Any) -> str:
    with pytest.raises(JobVariablesError) as refused:
        _check(template, *layers, **given)
    return str(refused.value)


def _complaint(configuration: Any, variables: Any = None) -> str:
    variables = variables or {"type": "object", "properties": {"a": STRING}}
    with pytest.raises(ValueError) as refused:
        check_template({"job_configuration": configuration, "variables": variables})
    return str(refused.value)


def test_an_empty_template_is_one() -> None:
    check_template({})


@pytest.mark.parametrize(
    "template",
    [
        {"job_configuration": {"a": 1}},
        {"variables": {"properties": {}}},
        {"job_configuration": {}, "variables": {"properties": {}}},
        {"job_configuration": {"a": 1}, "variables": {}},
        {"other": 1},
    ],
)
def test_a_template_has_a_configuration_and_variables(template: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must contain both a `job_configuration` key and a"):
        check_template(template)


def test_variables_that_are_declared_may_be_used_anywhere() -> None:
    variables: dict[str, Any] = {"properties": {"a": {}, "$b": {}, "c.d-e[0]": {}}}
    configuration = {"x": ["{{a}}", {"y": "{{ $b }} {{c.d-e[0] }}"}], "z": 1, "{{ key }}": None}
    check_template({"job_configuration": configuration, "variables": variables})


def test_what_is_no_name_between_braces_is_no_variable() -> None:
    configuration = {"x": "{{ b | upper }} {{ }} { b }"}
    check_template({"job_configuration": configuration, "variables": {"properties": {}}})


def test_undeclared_variables_are_named() -> None:
    reason = _complaint({"x": "{{ z }} {{ a }}", "l": [{"y": "{{ b }}"}]})
    assert reason == (
        "The variables specified in the job configuration template must be present as properties "
        "in the variables schema. Your job configuration uses the following undeclared "
        "variable(s): b ,z."
    )


def test_variables_without_properties_declare_none() -> None:
    assert "undeclared variable(s): a." in _complaint({"x": "{{ a }}"}, {"type": "object"})


def test_configuration_and_variables_are_objects() -> None:
    assert "`job_configuration` of a" in _complaint(["{{ a }}"])
    assert "`variables` of a" in _complaint({"x": 1}, "text")
    assert "`properties` of the" in _complaint({"x": 1}, {"properties": ["a"]})


def test_only_variables_that_have_a_default_are_among_the_defaults(connection: Connection) -> None:
    template = _template(a={"default": None}, b={"type": "string"}, c={"default": {"x": 1}})
    assert defaults_of(connection, VAULT, template) == {"a": None, "c": {"x": 1}}


@pytest.mark.parametrize("template", [{}, {"variables": 1}, {"variables": {"properties": [1]}}])
def test_what_declares_nothing_has_no_defaults(
    connection: Connection, template: dict[str, Any]
) -> None:
    assert defaults_of(connection, VAULT, template) == {}


@pytest.mark.parametrize("id", [NOBODY, "x", "\x00", "", None, 7, [NOBODY], {}])
def test_a_default_names_a_block_that_is_there(connection: Connection, id: Any) -> None:
    template = _template(a={"default": {"$ref": {"block_document_id": id}}})
    with pytest.raises(ObjectNotFoundError, match=r"Block not found\."):
        defaults_of(connection, VAULT, template)


@pytest.mark.parametrize("default", [{"$ref": "x"}, {"$ref": {"x": 1}}, {"y": {"$ref": {}}}])
def test_other_references_are_values(connection: Connection, default: dict[str, Any]) -> None:
    assert defaults_of(connection, VAULT, _template(a={"default": default})) == {"a": default}


def test_defaults_fit_their_variables() -> None:
    template = _template(a={**INTEGER, "default": "x"}, required=["b"])
    with pytest.raises(JobVariablesError) as refused:
        check_defaults(template, _own(template))
    assert str(refused.value).startswith("Validation failed for field 'a'. Failure reason: 'x' is")


def test_defaults_may_be_null_and_need_not_be_complete() -> None:
    template = _template(a={**INTEGER, "default": None}, b=STRING, required=["b"])
    check_defaults(template, _own(template))


def test_a_template_without_variables_has_nothing_to_check() -> None:
    check_defaults({}, {})
    check_variables({}, {}, {"a": 1})


def test_variables_fit_the_template() -> None:
    _check(_template(a=INTEGER), {"a": 1, "other": "x"})
    assert _refusal(_template(a=INTEGER, required=["a"]), {"a": "x"}) == (
        "Validation failed for field 'a'. Failure reason: 'x' is not of type 'integer'"
    )


def test_a_layer_in_front_hides_those_behind() -> None:
    template = _template(a=INTEGER)
    _check(template, {"a": "x"}, {"a": 1})
    assert "'x'" in _refusal(template, {"a": 1}, {"a": "x"})


def test_what_is_required_must_be_in_some_layer() -> None:
    template = _template(a=STRING, required=["a"])
    assert _refusal(template) == "Validation failed. Failure reason: 'a' is a required property"
    _check(template, {"a": "x"}, {})
    _check(template, ignore_required=True)


def test_a_default_makes_up_for_what_is_required() -> None:
    _check(_template(a={**STRING, "default": "x"}, required=["a"]))


def test_a_default_that_does_not_fit_is_not_there() -> None:
    _check(_template(a={**INTEGER, "default": "x"}))


def test_nothing_is_required_if_a_default_does_not_fit() -> None:
    _check(_template(a={**INTEGER, "default": "x"}, b=STRING, required=["a", "b"]))


def test_what_is_optional_may_be_null_even_if_it_has_a_default() -> None:
    _check(_template(a={**INTEGER, "default": 1}), {"a": None})


def test_unresolvable_references_fit_nothing() -> None:
    template = _template(a={"$ref": "#/definitions/none", "default": 1})
    assert "PointerToNowhere: '/definitions/none'" in _refusal(template)
    with pytest.raises(JobVariablesError, match="PointerToNowhere"):
        check_defaults(template, _own(template))


def test_variables_are_described_by_a_schema() -> None:
    template = _template(a={"type": "nonsense", "default": 1})
    with pytest.raises(InvalidSchemaError, match="Invalid schema: 'nonsense' is not valid"):
        _check(template, {"a": 1})
    with pytest.raises(InvalidSchemaError):
        check_defaults(template, _own(template))
