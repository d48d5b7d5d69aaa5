"""The operators of the filter language: what each means in SQL."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    any_,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import Text

from ephemeral_server.clock import micros
from ephemeral_server.database.tables import flow_run_tag
from ephemeral_server.database.tags import are_tagged
from ephemeral_server.wire import dump

Clause = ColumnElement[bool]

#: With these values an operator asks for nothing: it is as if it were not there. (An empty
#: ``any_`` does ask: nothing is in the list.)
NOTHING: dict[str, Any] = {"not_any_": [], "all_": [], "startswith_": [], "like_": ""}

#: Lists up to this length are written into the statement; SQLite's may be 1,000 terms deep.
FEW = 200
#: So many tags are each asked for by a condition of its own.
_FEW_TAGS = 20


class On:
    """The column a criterion is about.

    Args:
        column: what most operators look at.
        null: what ``is_null_`` looks at, if that is another column.
        listed: whether SQLite lists the tags that it holds, see `ephemeral_server.database.tags`.
    """

    def __init__(
        self,
        column: ColumnElement[Any],
        null: ColumnElement[Any] | None = None,
        *,
        listed: bool = False,
    ) -> None:
        self.column = column
        self.listed = listed
        self.null = column if null is None else null


def is_in(column: ColumnElement[Any], values: list[Any], dialect: str) -> Clause:
    """`column` has one of `values`: ids, enum members, text or numbers, however many."""
    values = list(dict.fromkeys(plain(values)))
    if not values:
        return false()
    if len(values) <= FEW:
        return column.in_(values)
    # A statement takes some 32,000 parameters, so many values go as one.
    if dialect == "postgresql":
        found: Clause = column == any_(literal(values, ARRAY(column.type)))
        return found
    return column.in_(select(each(literal(dump(values)))))


def _any(on: On, values: list[Any], dialect: str) -> Clause:
    return is_in(on.column, values, dialect)


def _not_any(on: On, values: list[Any], dialect: str) -> Clause:
    return not_(is_in(on.column, values, dialect))


def _is_null(on: On, value: bool, dialect: str) -> Clause:
    return on.null.is_(None) if value else on.null.is_not(None)


def _like(on: On, value: str, dialect: str) -> Clause:
    # Percent sign and underscore are wildcards here: clients send them as such.
    return on.column.ilike(f"%{value}%")


def _startswith(on: On, values: list[str], dialect: str) -> Clause:
    return or_(*[on.column.ilike(f"{value}%") for value in values])


def _tags_all(on: On, values: list[str], dialect: str) -> Clause:
    wanted = literal(dump(values))
    if dialect == "postgresql":
        found: Clause = cast(on.column, JSONB).contains(cast(wanted, JSONB))
        return found
    values = list(dict.fromkeys(values))
    if on.listed and len(values) <= _FEW_TAGS:
        return and_(*[are_tagged(flow_run_tag.c.tag == value) for value in values])
    tag = each(wanted)
    return not_(exists(select(tag).where(tag.not_in(select(each(on.column))))))


def _tags_any(on: On, values: list[str], dialect: str) -> Clause:
    if not values:
        return false()
    if dialect == "postgresql":
        found: Clause = cast(on.column, JSONB).has_any(literal(values, ARRAY(Text)))
        return found
    if on.listed:
        only = flow_run_tag.c.tag == values[0] if len(values) == 1 else None
        return are_tagged(is_in(flow_run_tag.c.tag, values, dialect) if only is None else only)
    tag = each(on.column)
    return exists(select(tag).where(tag.in_(select(each(literal(dump(values)))))))


def _tags_null(on: On, value: bool, dialect: str) -> Clause:
    return on.column == "[]" if value else on.column != "[]"


OPERATORS: dict[str, Callable[[On, Any, str], Clause]] = {
    "any_": _any,
    "not_any_": _not_any,
    "is_null_": _is_null,
    "like_": _like,
    "startswith_": _startswith,
    "before_": lambda on, value, dialect: on.column <= micros(value),
    "after_": lambda on, value, dialect: on.column >= micros(value),
    "ge_": lambda on, value, dialect: on.column >= value,
    "le_": lambda on, value, dialect: on.column <= value,
    "eq_": lambda on, value, dialect: on.column.is_(value),
}

TAG_OPERATORS: dict[str, Callable[[On, Any, str], Clause]] = {
    "all_": _tags_all,
    "any_": _tags_any,
    "is_null_": _tags_null,
}


def each(document: ColumnElement[Any]) -> ColumnElement[Any]:
    """The items of a JSON list, on SQLite."""
    item: ColumnElement[Any] = func.json_each(document).table_valued("value").c.value
    return item


def plain(values: list[Any]) -> list[Any]:
    """Ids as text and enum members as their values."""
    return [
        str(value) if isinstance(value, UUID) else value.value if isinstance(value, Enum) else value
        for value in values
    ]
