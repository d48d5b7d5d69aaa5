"""Hiding the secrets of a document's data, and taking the data back as it was shown.

A schema lists in ``secret_fields`` where secrets are: ``key.key`` for one value, ``key.*`` for
every value below a key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

#: What is shown instead of a secret.
HIDDEN = "********"


@lru_cache(maxsize=256)
def secret_fields_of(fields: str) -> tuple[str, ...]:
    """Where secrets are in the data of a schema.

    Args:
        fields: of the schema, as JSON text.
    """
    listed = json.loads(fields).get("secret_fields")
    if not isinstance(listed, (list, dict)):
        listed = [listed]
    return tuple(path for path in listed if isinstance(path, str))


def obfuscated(data: dict[str, Any], secret_fields: Iterable[str]) -> dict[str, Any]:
    """The data with its secrets hidden.

    Args:
        data: of one document, without what it refers to; it stays as it is.
        secret_fields: where secrets are. Lists on the way to one are gone through, and so are
            objects that do not have its key: they are mappings, whose keys are the user's.
    """
    for path in secret_fields:
        keys = path.split(".")
        every = "*" in keys
        if every:
            keys = keys[: keys.index("*")]
        if not keys:
            data = _all_hidden(data) if data else data
        elif keys[0] in data:
            data = {**data, keys[0]: _hidden(data[keys[0]], keys[1:], every)}
    return data


def restored(given: Any, shown: Any, stored: Any) -> Any:
    """What was given, with the stored secrets where it repeats how these were shown.

    Args:
        given: new data, or a part of it.
        shown: what is stored there, obfuscated.
        stored: what is stored there.
    """
    if shown == stored:
        return given  # no secrets there
    if given == HIDDEN and _is_hidden(shown):
        return stored
    if isinstance(given, dict) and isinstance(shown, dict):
        return {
            key: restored(value, shown[key], stored[key]) if key in shown else value
            for key, value in given.items()
        }
    if isinstance(given, list) and isinstance(shown, list):
        return _restored_items(given, shown, stored)
    return given


def _hidden(value: Any, keys: list[str], every: bool) -> Any:
    """The value with what is at `keys` below it hidden."""
    if not keys:
        if every:
            return _all_hidden(value)
        return None if value is None else HIDDEN
    if isinstance(value, list):
        return [_hidden(item, keys, every) for item in value]
    if isinstance(value, dict):
        key, *further = keys
        if key in value:
            return {**value, key: _hidden(value[key], further, every)}
        return {name: _hidden(item, keys, every) for name, item in value.items()}
    return value


def _all_hidden(value: Any) -> Any:
    """The value with only the keys of its objects left."""
    if isinstance(value, dict) and value:
        return {key: _all_hidden(item) for key, item in value.items()}
    return HIDDEN


def _is_hidden(shown: Any) -> bool:
    if isinstance(shown, dict):
        return bool(shown) and all(map(_is_hidden, shown.values()))
    return bool(shown == HIDDEN)


def _restored_items(given: list[Any], shown: list[Any], stored: list[Any]) -> list[Any]:
    """The items of a list, each with the secrets of the one that it was."""
    return [
        item if place is None else restored(item, shown[place], stored[place])
        for item, place in zip(given, _places(given, shown), strict=True)
    ]


def _places(given: list[Any], shown: list[Any]) -> list[int | None]:
    """Where the items of a list were when it was shown; None for new ones.

    An item that was shown may have moved. The others are changed ones, in the same order, if
    there are as many of them as shown ones are missing; else nobody knows what they were.
    """
    left: dict[str, list[int]] = {}
    for place in reversed(range(len(shown))):
        if place >= len(given) or given[place] != shown[place]:
            left.setdefault(_sorted(shown[place]), []).append(place)
    found: list[int | None] = []
    for place, item in enumerate(given):
        if place < len(shown) and item == shown[place]:
            found.append(place)
        else:
            same = left.get(_sorted(item))
            found.append(same.pop() if same else None)
    changed = [at for at, place in enumerate(found) if place is None]
    missing = sorted(place for places in left.values() for place in places)
    if len(changed) == len(missing):
        for at, place in zip(changed, missing, strict=True):
            found[at] = place
    return found


def _sorted(item: Any) -> str:
    return json.dumps(item, sort_keys=True)
