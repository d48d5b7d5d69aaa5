"""Counting flow runs, on SQLite by the counts that it keeps wherever they suffice."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BinaryExpression,
    ColumnElement,
    Connection,
    Select,
    Table,
    case,
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

_C = flow_run_count.c
#: What the columns of a flow run are in the counts, where an empty text stands for a missing one.
_COUNTED = {
    "flow_id": _C.flow_id,
    "deployment_id": func.nullif(_C.deployment_id, ""),
    "state_type": func.nullif(_C.state_type, ""),
    "state_name": case((_C.state_type != "", _C.state_name)),
}


def count_flow_runs(connection: Connection, where: ColumnElement[bool]) -> int:
    """How many flow runs fit a condition."""
    query: Select[Any] = select(func.count()).select_from(flow_run).where(where)
    if connection.dialect.name == "sqlite":
        tag = tag_condition(where)
        if isinstance(tag, BinaryExpression) and tag.operator is operators.eq:
            kept = moved(tag, flow_run_tag, flow_run_tag_count)
            query = _sum(flow_run_tag_count).where(kept)
        elif looks_only_at(_COUNTED, where):
            kept = moved(where, flow_run, flow_run_count, _COUNTED)
            query = _sum(flow_run_count).where(kept)
    return int(connection.execute(query).scalar_one())


def _sum(counts: Table) -> Select[Any]:
    return select(func.coalesce(func.sum(counts.c.runs), 0))


def fit_more_than(
    number: int, connection: Connection, where: ColumnElement[bool], of: Table = flow_run
) -> bool:
    """Whether more rows than `number` fit a condition; it is not counted any further."""
    some = select(literal_column("1")).select_from(of).where(where).limit(number + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() > number
