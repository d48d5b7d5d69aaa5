"""Which rows of `flow_run` make a page, however many there are.

SQLite has two ways to the newest 200 runs that fit a condition: to find all that fit by an index
of the condition and to sort them, or to walk an index of the order until 200 fit. The first is
right where few runs fit, the second where many do, and SQLite cannot know which of them it is:
it keeps no statistics unless it is told to, and those are of the past. So for each part of the
condition that has an index it is counted how many runs fit, no further than `FEW`, and the
indexes of the other parts are hidden. PostgreSQL knows by itself.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BinaryExpression,
    BooleanClauseList,
    Connection,
    Select,
    and_,
    exists,
    select,
)
from sqlalchemy.sql import operators

from ephemeral_server.database.counts import fit_more_than
from ephemeral_server.database.rewriting import Clause, columns_of, without_index
from ephemeral_server.database.sorting import Order
from ephemeral_server.database.tables import flow_run, flow_run_tag
from ephemeral_server.database.tags import tag_condition

#: To find and to sort so many runs takes a few milliseconds.
FEW = 2_000

_ID = flow_run.c.id
#: The columns that a condition on one of them has an index for.
_INDEXED = [
    {flow_run.c[name]}
    for name in (
        "flow_id",
        "deployment_id",
        "work_queue_id",
        "state_type",
        "state_name",
        "expected_start_time",
    )
] + [{flow_run.c.start_time, flow_run.c.expected_start_time}, {_ID}]


def page_of_ids(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int = 0
) -> Select[tuple[str]]:
    """The query for the ids of some of the flow runs.

    Args:
        connection: asked how many runs fit the parts of the condition.
        where: which runs.
        order: ends with the id.
    """
    if connection.dialect.name == "sqlite":
        where = and_(*[_steered(connection, part, order) for part in _parts(where)])
    query = select(_ID).where(where).order_by(*order).limit(limit).offset(offset)
    return query.correlate(None)


def _parts(where: Clause) -> list[Clause]:
    """What is joined by AND, with all that is about the same columns in one part.

    Each condition on the id, which may be one on tags, is a part of its own.
    """
    terms = [where]
    if isinstance(where, BooleanClauseList) and where.operator is operators.and_:
        terms = list(where.clauses)
    parts: dict[Any, list[Clause]] = {}
    for term in terms:
        columns = columns_of(term)
        key = term if columns == {_ID} else frozenset(columns)
        parts.setdefault(key, []).append(term)
    return [and_(*joined) for joined in parts.values()]


def _steered(connection: Connection, part: Clause, order: Order) -> Clause:
    """The part, without its index if that leads to many runs that are to be sorted then."""
    columns = columns_of(part)
    if columns not in _INDEXED or _comes_sorted(part, columns, order):
        return part
    fits = tag_condition(part)
    if fits is not None:
        if not fit_more_than(FEW, connection, fits, flow_run_tag):
            return part
        own = flow_run_tag.c.flow_run_id == _ID
        return exists().select_from(flow_run_tag).where(own, fits).correlate(flow_run)
    if columns == {_ID} or not fit_more_than(FEW, connection, part):
        return part
    return without_index(part)


def _comes_sorted(part: Clause, columns: set[Any], order: Order) -> bool:
    """Whether what the index of a part leads to is sorted already."""
    by = columns_of(order[0])
    if by != {_ID}:
        return columns == by
    if not isinstance(part, BinaryExpression) or part.operator is not operators.in_op:
        return False
    return len(getattr(part.right, "value", ())) == 1
