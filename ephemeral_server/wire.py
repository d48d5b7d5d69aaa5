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


def dump(value: Any) -> str:
    """Compact JSON of a Python value; NaN and infinities, which JSON lacks, become null."""
    try:
        return _encode(value)
    except ValueError:
        return _encode(_finite(value))


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


class Kind(NamedTuple):
    """How a column's value is written.

    Attributes:
        expression: Python for the JSON text of a value ``{v}`` that is not null.
        null: the JSON text of null.
    """

    expression: str
    null: str = "null"


#: A string.
text = Kind("escaped({v})")
#: A string that needs no escapes, such as an id.
plain = Kind("f'\"{{{v}}}\"'")
#: An integer or a finite float.
number = Kind("repr({v})")
#: True or false, also from SQLite's 1 and 0.
boolean = Kind("('true' if {v} else 'false')")
#: Microseconds since 1970 UTC, as ISO text.
instant = Kind("f'\"{{isoformat({v})}}\"'")
#: Microseconds, as a float of seconds.
seconds = Kind("repr({v} / 1000000)")
#: JSON text as the database keeps it.
raw = Kind("{v}")


def raw_or(null: str) -> Kind:
    """JSON text, or `null` where the database holds none."""
    return Kind("{v}", null)


class Field(NamedTuple):
    """One member of an object: its name, how it is written, and from which keys of the row.

    A function is called with the values of all keys; one that is `timed` also takes the
    present instant, first.
    """

    name: str
    write: Kind | Callable[..., str]
    keys: tuple[str, ...]
    timed: bool = False


def field(name: str, kind: Kind, key: str | None = None) -> Field:
    """A member that is one column, by default the one of its name."""
    return Field(name, kind, (key or name,))


def computed(name: str, write: Callable[..., str], *keys: str) -> Field:
    """A member that follows from several columns and the present instant."""
    return Field(name, write, keys, timed=True)


class Shape:
    """The JSON object that an entity is on the wire.

    Attributes:
        keys: what a row must hold, in the order that `render` takes the values.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields = tuple(fields)
        self.keys = tuple(dict.fromkeys(key for field in self.fields for key in field.keys))
        self._render = _compile(self.fields, self.keys)

    def render(self, values: Sequence[Any], now: int = 0) -> str:
        """The object as JSON text; `values` are in the order of `keys`."""
        return self._render(values, now)

    def render_row(self, row: Mapping[str, Any], now: int = 0) -> str:
        """The object as JSON text, from a mapping that holds `keys`."""
        return self._render([row[key] for key in self.keys], now)

    def below(self, prefix: str) -> Shape:
        """The same object, from rows in which `prefix` precedes each of the keys."""
        return Shape(
            member._replace(keys=tuple(prefix + key for key in member.keys))
            for member in self.fields
        )

    def member(self, name: str) -> Field:
        """This object as a member of another, for shapes without timed members."""
        return Field(name, lambda *values: self.render(values), self.keys)

    def render_all(self, rows: Iterable[Sequence[Any]], now: int = 0) -> str:
        """A JSON list of the objects."""
        render = self._render
        return "[" + ",".join([render(row, now) for row in rows]) + "]"


def _compile(fields: Sequence[Field], keys: Sequence[str]) -> Callable[[Sequence[Any], int], str]:
    """One function for all members of an object.

    Calling an encoder for each member of each of 200 rows takes three times as long, so the
    members' expressions are put into one. They hold nothing but what is declared here and the
    names of the shapes' members.
    """
    names: dict[str, Any] = {"escaped": encode_basestring_ascii, "isoformat": isoformat}
    parts = []
    for place, member in enumerate(fields):
        values = [f"row[{keys.index(key)}]" for key in member.keys]
        if isinstance(member.write, Kind):
            written = member.write.expression.format(v=values[0])
            part = f"({member.write.null!r} if {values[0]} is None else {written})"
        else:
            names[f"write_{place}"] = member.write
            part = f"write_{place}({', '.join(['now'] * member.timed + values)})"
        prefix = ("," if place else "{") + json.dumps(member.name) + ":"
        parts.append(f"{prefix!r}, {part}")
    compiled: Callable[[Sequence[Any], int], str]
    compiled = eval(f"lambda row, now: ''.join(({', '.join(parts)}, '}}'))", names)
    return compiled
