"""Counting flow runs, on SQLite by the counts that it keeps wherever they suffice."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BinaryExpression,
    ColumnElement,
    Connection,
    Table,
    func,
    literal_column,
    select,
)
from sqlalchemy.sql import operators

from ephemeral_server.database.rewriting import looks_only_at, moved
from ephemeral_server.database.tables import (
    flow_run,
    flow_run_count,
    flow_run_tag,
    flow_run_tag_count,
)
from ephemeral_server.database.tags import tag_condition


def count_flow_runs(connection: Connection, where: ColumnElement[bool]) -> int:
    """How many flow runs fit a condition."""
    query = select(func.count()).select_from(flow_run).where(where)
    if connection.dialect.name == "sqlite":
        tag = tag_condition(where)
        if isinstance(tag, BinaryExpression) and tag.operator is operators.eq:
            query = _kept(flow_run_tag_count, flow_run_tag, tag)
        elif looks_only_at(flow_run_count.c.keys(), where):
            query = _kept(flow_run_count, flow_run, where)
    return connection.execute(query).scalar_one()


def fit_more_than(
    number: int, connection: Connection, where: ColumnElement[bool], of: Table = flow_run
) -> bool:
    """Whether more rows than `number` fit a condition; it is not counted any further."""
    some = select(literal_column("1")).select_from(of).where(where).limit(number + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() > number


def _kept(counts: Table, counted: Table, where: ColumnElement[bool]) -> Any:
    """The sum of the kept `counts` of the rows of the `counted` table that fit."""
    fits = moved(where, counted, counts)
    return select(func.coalesce(func.sum(counts.c.runs), 0)).where(fits)
