"""Conditions on flow runs that are taken apart and asked of something else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, UnaryExpression
from sqlalchemy.sql import operators, visitors

from ephemeral_server.database.tables import flow_run
from ephemeral_server.database.tables.runs import STARTED

Clause = ColumnElement[bool]

#: Before a term, on SQLite: no index is to be used for it.
_PLUS: operators.custom_op[Any] = operators.custom_op("+")


def columns_of(condition: Any) -> set[Column[Any]]:
    """The columns of a flow run that a condition looks at."""
    return {
        element
        for element in visitors.iterate(condition)
        if isinstance(element, Column) and element.table is flow_run
    }


def looks_only_at(names: Collection[str], condition: Clause) -> bool:
    """Whether a condition looks at no other columns of a flow run."""
    return all(column.name in names for column in columns_of(condition))


def moved(
    condition: Clause,
    source: Table,
    target: Table,
    columns: Mapping[str, ColumnElement[Any]] | None = None,
) -> Clause:
    """The same condition on the columns of another table: those of the same names, or `columns`."""
    known = columns or target.c

    def replace(element: Any, **_: Any) -> Any:
        if isinstance(element, Column) and element.table is source:
            return known[element.name]
        return target if element is source else None

    found: Clause = visitors.replacement_traverse(condition, {}, replace)
    return found


def without_index(condition: ColumnElement[Any]) -> ColumnElement[Any]:
    """The same condition or column, for which SQLite uses no index."""

    def replace(element: Any, **_: Any) -> Any:
        if element is STARTED or (isinstance(element, Column) and element.table is flow_run):
            return UnaryExpression(element, operator=_PLUS, type_=element.type)
        return None

    found: ColumnElement[Any] = visitors.replacement_traverse(condition, {}, replace)
    return found
