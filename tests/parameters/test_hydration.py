"""What stands for a value becomes that value."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.parameters.hydration import hydrate, variable_names


def stands(kind: Any, **members: Any) -> dict[str, Any]:
    return {"__prefect_kind": kind, **members}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (1, 1),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        (stands("none", value={"a": stands("json", value="[1]")}), {"a": [1]}),
        (stands("json", value='{"a": 1}'), {"a": 1}),
        (stands("json", value=5), 5),
        (stands("json", value=stands("jinja", template="[{{ 1 }}]")), [1]),
        (stands("jinja", template="{{ 'a' ~ 1 }}"), "a1"),
        (stands("jinja", template=3), "3"),
        (stands("jinja", template=stands("json", value='"{{ 2 }}"')), "2"),
        (stands("jinja", template="{{ nobody.name }}"), ""),
        (stands("workspace_variable", variable_name="v"), {"x": 1}),
        (stands("workspace_variable", variable_name=stands("none", value="v")), {"x": 1}),
        ([stands("jinja", template=stands("json")), 1], [1]),
        (stands("odd", value=3), 3),
        (stands("odd"), None),
        (stands(None, value=3), 3),
        ({"a": stands("json"), "b": 1}, {"b": 1}),
        ({"a": stands("workspace_variable")}, {}),
        ([stands("json"), 1], [1]),
    ],
)
def test_a_value_is_what_is_meant(given: Any, meant: Any) -> None:
    hydrated = hydrate(given, {"v": {"x": 1}})

    assert hydrated.failures == {}
    assert hydrated.values == meant


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (stands("none"), "Missing 'value' key in __prefect object"),
        (stands("jinja"), "Missing 'template' key in __prefect object"),
        (
            stands("jinja", template="{{ x"),
            "Invalid jinja: unexpected end of template, expected 'end of print statement'.",
        ),
        (stands("jinja", template="{{ 1 / 0 }}"), "Invalid jinja: division by zero"),
        (
            stands("json", value="nope"),
            "Invalid JSON: Expecting value: line 1 column 1 (char 0)",
        ),
        (
            stands("workspace_variable", variable_name="nope"),
            "Variable 'nope' not found in workspace.",
        ),
        (stands("workspace_variable", variable_name=[]), "Variable '[]' not found in workspace."),
    ],
)
def test_a_failure_is_told_at_its_place(given: Any, reason: str) -> None:
    hydrated = hydrate({"a": [0, given]}, {})

    assert hydrated.failures == {("a", 1): reason}
    assert hydrated.values == {"a": [0, None]}


def test_templates_that_are_not_rendered_are_open() -> None:
    hydrated = hydrate({"a": stands("jinja", template="{{ x }}")}, {}, templates=False)

    assert (hydrated.open, hydrated.failures) == ({("a",)}, {})
    assert hydrated.is_unknown(("a",))
    assert hydrated.is_unknown(("a", 0, "b"))
    assert not hydrated.is_unknown(())


def test_deeply_nested_json_is_a_failure() -> None:
    hydrated = hydrate(stands("json", value="[" * 100_000), {})

    assert list(hydrated.failures) == [()]


def test_the_variables_named_are_found_wherever_they_are() -> None:
    values = {
        "a": [stands("workspace_variable", variable_name="x")],
        "b": stands("none", value=stands("workspace_variable", variable_name="y")),
        "c": stands("json", variable_name="z"),
    }

    assert set(variable_names(values)) == {"x", "y"}
