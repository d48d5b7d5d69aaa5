"""What stands for a value becomes that value.

An object with the key ``__prefect_kind`` is replaced:

========================  =======================================================
``none``                  by its ``value``
``json``                  by the JSON that its ``value`` is the text of
``jinja``                 by the text that its ``template`` gives
``workspace_variable``    by the variable that ``variable_name`` names
anything else             by its ``value``
========================  =======================================================

One whose text or name is missing disappears from its object or list. Text, template and name may
stand for others themselves.
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

#: What an object of a kind has to have.
_MEMBERS = {
    "none": "value",
    "json": "value",
    "jinja": "template",
    "workspace_variable": "variable_name",
}


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
        if isinstance(name, dict):
            name = hydrate(name, {}, templates=False).values
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
        member = _MEMBERS.get(kind) if isinstance(kind, str) else None
        if member is None:
            return given.get("value")
        if member not in given:
            if kind in ("none", "jinja"):
                return self._fail(path, f"Missing '{member}' key in __prefect object")
            return _GONE
        own = given[member]
        if kind == "none" or isinstance(own, dict):
            own = self.replaced(own, path)
        if kind == "none" or own is _GONE or self._to.is_unknown(path):
            return own
        if kind == "json":
            return self._parsed(own, path)
        if kind == "jinja":
            return self._rendered(str(own), path)
        if not isinstance(own, str) or own not in self._variables:
            return self._fail(path, f"Variable '{own}' not found in workspace.")
        return self._variables[own]

    def _parsed(self, text: Any, path: Path) -> Any:
        if not isinstance(text, str):
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
