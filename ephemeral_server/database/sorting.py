"""Orders that are total and the same on both databases.

Left alone, SQLite counts NULL as the smallest value and PostgreSQL as the largest, and rows
with equal values come in any order, so that pages overlap. Here NULL is the smallest value
everywhere, and the id decides between equals.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement

Order = tuple[ColumnElement[Any], ...]


def ascending(value: ColumnElement[Any], key: Column[Any]) -> Order:
    """Smallest first, rows without a value before all.

    Args:
        value: what to sort by.
        key: the id of the rows, which decides between equal values.
    """
    if value is key:
        return (key.asc(),)
    return (value.asc().nulls_first() if _has_nulls(value) else value.asc(), key.asc())


def descending(value: ColumnElement[Any], key: Column[Any]) -> Order:
    """Largest first, rows without a value after all; the arguments are those of `ascending`."""
    if value is key:
        return (key.desc(),)
    return (value.desc().nulls_last() if _has_nulls(value) else value.desc(), key.desc())


def _has_nulls(value: ColumnElement[Any]) -> bool:
    # Said of a column that holds none, it would only keep PostgreSQL from using an index.
    return not isinstance(value, Column) or bool(value.nullable)
