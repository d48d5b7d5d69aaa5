"""From rows to JSON text.

What goes out comes from our own rows, so it is written straight from the column values,
without building a model for each: a field that the database keeps as JSON is passed
through, the rest is encoded by its kind. Tests validate the result against the declared
response models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple

from ephemeral_server.clock import isoformat

Encode = Callable[[Any], str]


def dump(value: Any) -> str:
    """Compact JSON of a Python value; NaN and infinities, which JSON lacks, become null."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def text(value: Any) -> str:
    """A string."""
    return "null" if value is None else encode_basestring_ascii(value)


def plain(value: Any) -> str:
    """A string that needs no escapes, such as an id."""
    return "null" if value is None else f'"{value}"'


def number(value: Any) -> str:
    """An integer or a finite float."""
    return "null" if value is None else repr(value)


def boolean(value: Any) -> str:
    """True or false, also from SQLite's 1 and 0."""
    return "null" if value is None else "true" if value else "false"


def instant(value: Any) -> str:
    """Microseconds since 1970 UTC as ISO text."""
    return "null" if value is None else f'"{isoformat(value)}"'


def seconds(value: Any) -> str:
    """Microseconds as a float of seconds."""
    return "null" if value is None else repr(value / 1_000_000)


def raw(value: Any) -> str:
    """JSON text as the database keeps it."""
    return "null" if value is None else str(value)


def raw_or(default: str) -> Encode:
    """JSON text, or `default` where the database holds null."""
    return lambda value: default if value is None else str(value)


class Field(NamedTuple):
    """One member of an object: its name, how it is encoded, and from which keys of the row."""

    name: str
    encode: Callable[..., str]
    keys: tuple[str, ...]
    timed: bool = False  # `encode` also takes the present instant, first


def field(name: str, encode: Encode, key: str | None = None) -> Field:
    """A member that is one column, by default the one of its name."""
    return Field(name, encode, (key or name,))


def computed(name: str, encode: Callable[..., str], *keys: str) -> Field:
    """A member that follows from several columns and the present instant."""
    return Field(name, encode, keys, timed=True)


class Shape:
    """The JSON object that an entity is on the wire.

    Attributes:
        keys: what a row must hold, in the order that `render` takes the values.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields = tuple(fields)
        keys: dict[str, int] = {}
        for member in self.fields:
            for key in member.keys:
                keys.setdefault(key, len(keys))
        self.keys = tuple(keys)
        self._single = [
            (f"{encode_basestring_ascii(f.name)}:", f.encode, keys[f.keys[0]])
            for f in self.fields
            if len(f.keys) == 1 and not f.timed
        ]
        self._several = [
            (f"{encode_basestring_ascii(f.name)}:", f.encode, [keys[k] for k in f.keys], f.timed)
            for f in self.fields
            if len(f.keys) > 1 or f.timed
        ]

    def render(self, values: Sequence[Any], now: int = 0) -> str:
        """The object as JSON text; `values` are in the order of `keys`."""
        parts = [prefix + encode(values[at]) for prefix, encode, at in self._single]
        for prefix, encode, places, timed in self._several:
            taken = [values[at] for at in places]
            parts.append(prefix + (encode(now, *taken) if timed else encode(*taken)))
        return "{" + ",".join(parts) + "}"

    def render_row(self, row: Mapping[str, Any], now: int = 0) -> str:
        """The object as JSON text, from a mapping that holds `keys`."""
        return self.render([row[key] for key in self.keys], now)

    def render_all(self, rows: Iterable[Sequence[Any]], now: int = 0) -> str:
        """A JSON list of the objects."""
        return "[" + ",".join([self.render(row, now) for row in rows]) + "]"
