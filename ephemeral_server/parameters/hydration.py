"""What stands for a value becomes that value.

An object with the key ``__prefect_kind`` is replaced:

========================  =======================================================
``none``                  by its ``value``
``json``                  by the JSON that its ``value`` is the text of
``jinja``                 by the text that its ``template`` gives
``workspace_variable``    by the variable that ``variable_name`` names
anything else             by its ``value``
========================  =======================================================

One whose text or name is missing disappears from its object or list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ephemeral_server.parameters.templates import TemplateError, check, render

KIND = "__prefect_kind"

#: Keys of objects and places in lists, from the outermost.
Path = tuple[str | int, ...]

_GONE: Any = object()


@dataclass
class Hydrated:
    """Values in which nothing stands for another any more.

    Attributes:
        values: the values; null where a value could not be had.
        failures: why not, by the place.
        open: places whose values are not known yet: templates that were not to be rendered.
    """

    values: Any = None
    failures: dict[Path, str] = field(default_factory=dict)
    open: set[Path] = field(default_factory=set)

    def is_unknown(self, path: Path) -> bool:
        """Whether the value at a place, or around it, is not known."""
        upwards = (path[:length] for length in range(len(path) + 1))
        return any(place in self.failures or place in self.open for place in upwards)


def hydrate(values: Any, variables: Mapping[str, Any], *, templates: bool = True) -> Hydrated:
    """Replace what stands for a value.

    Args:
        values: JSON.
        variables: values of variables by name, at least of those that `variable_names` tells.
        templates: whether to render them; else they are only looked through for mistakes.
    """
    hydrated = Hydrated()
    value = _Hydration(variables, templates, hydrated).replaced(values, ())
    hydrated.values = None if value is _GONE else value
    return hydrated


def variable_names(values: Any) -> Iterator[str]:
    """The variables that values name."""
    if isinstance(values, dict):
        name = values.get("variable_name")
        if values.get(KIND) == "workspace_variable" and isinstance(name, str):
            yield name
        values = list(values.values())
    if isinstance(values, list):
        for value in values:
            yield from variable_names(value)


class _Hydration:
    def __init__(self, variables: Mapping[str, Any], templates: bool, to: Hydrated) -> None:
        self._variables, self._templates, self._to = variables, templates, to

    def replaced(self, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            if KIND in value:
                return self._meant(value, path)
            members = {key: self.replaced(item, (*path, key)) for key, item in value.items()}
            return {key: item for key, item in members.items() if item is not _GONE}
        if isinstance(value, list):
            items: list[Any] = []
            for each in value:
                item = self.replaced(each, (*path, len(items)))
                if item is not _GONE:
                    items.append(item)
            return items
        return value

    def _meant(self, given: dict[str, Any], path: Path) -> Any:
        """The value that `given` stands for."""
        kind = given[KIND]
        if kind == "none":
            if "value" not in given:
                return self._fail(path, "Missing 'value' key in __prefect object")
            return self.replaced(given["value"], path)
        if kind == "json":
            return self._parsed(given["value"], path) if "value" in given else _GONE
        if kind == "jinja":
            if "template" not in given:
                return self._fail(path, "Missing 'template' key in __prefect object")
            return self._rendered(str(given["template"]), path)
        if kind == "workspace_variable":
            if "variable_name" not in given:
                return _GONE
            name = given["variable_name"]
            if not isinstance(name, str) or name not in self._variables:
                return self._fail(path, f"Variable '{name}' not found in workspace.")
            return self._variables[name]
        return given.get("value")

    def _parsed(self, text: Any, path: Path) -> Any:
        if isinstance(text, dict):
            text = self.replaced(text, path)
        if not isinstance(text, str) or self._to.is_unknown(path):
            return text
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            return self._fail(path, f"Invalid JSON: {error}")

    def _rendered(self, template: str, path: Path) -> Any:
        try:
            if self._templates:
                return render(template)
            check(template)
        except TemplateError as error:
            return self._fail(path, f"Invalid jinja: {error}")
        self._to.open.add(path)
        return None

    def _fail(self, path: Path, reason: str) -> None:
        self._to.failures[path] = reason
