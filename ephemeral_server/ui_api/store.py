"""What the pages' routes read, each with one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Connection,
    Table,
    and_,
    bindparam,
    case,
    exists,
    func,
    select,
)

from ephemeral_server.clock import SECOND, isoformat
from ephemeral_server.database.operators import Clause, is_in
from ephemeral_server.database.pages import page_of_ids
from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.sorting import Order
from ephemeral_server.database.tables import deployment, flow_run, task_run
from ephemeral_server.database.tables.runs import STARTED
from ephemeral_server.orchestration.estimates import estimated_lateness, estimated_run_time
from ephemeral_server.orchestration.states import (
    CRASHED,
    FAILED,
    SCHEDULED,
    TERMINAL,
    StateType,
)

#: So many columns has the chart of task runs.
BUCKETS = 20
_MINUTE = 60 * SECOND


def count_by(
    connection: Connection, table: Table, owner: str, ids: list[UUID], *further: Clause
) -> dict[str, int]:
    """How many rows of `table` each owner has; 0 for those that have none or are unknown.

    Args:
        owner: the column that names the owner.
        further: conditions on the rows.
    """
    column = table.c[owner]
    query = select(column, func.count()).where(
        is_in(column, list(ids), connection.dialect.name), *further
    )
    counts = dict.fromkeys(map(str, ids), 0)
    for id, count in connection.execute(query.group_by(column)):
        counts[id] = count
    return counts


def count_deployments(connection: Connection, flow_ids: list[UUID]) -> dict[str, int]:
    """How many deployments each flow has."""
    return count_by(connection, deployment, "flow_id", flow_ids)


def count_task_runs(connection: Connection, flow_run_ids: list[UUID]) -> dict[str, int]:
    """How many task runs each flow run has, without those that stand for subflows."""
    stands_for_subflow = exists().where(flow_run.c.parent_task_run_id == task_run.c.id)
    return count_by(connection, task_run, "flow_run_id", flow_run_ids, ~stands_for_subflow)


def next_runs(connection: Connection, flow_ids: list[UUID]) -> dict[str, dict[str, Any] | None]:
    """The scheduled run of each flow that comes first, also where it is overdue."""
    c = flow_run.c
    place = func.row_number().over(
        partition_by=c.flow_id, order_by=(c.next_scheduled_start_time, c.id)
    )
    ranked = (
        select(
            c.id,
            c.flow_id,
            c.name,
            c.state_name,
            c.state_type,
            c.next_scheduled_start_time,
            place.label("place"),
        )
        .where(c.state_type == SCHEDULED, c.next_scheduled_start_time.is_not(None))
        .where(is_in(c.flow_id, list(flow_ids), connection.dialect.name))
        .subquery()
    )
    found: dict[str, dict[str, Any] | None] = dict.fromkeys(map(str, flow_ids))
    for row in connection.execute(select(ranked).where(ranked.c.place == 1)):
        found[row.flow_id] = {
            "id": row.id,
            "flow_id": row.flow_id,
            "name": row.name,
            "state_name": row.state_name,
            "state_type": row.state_type,
            "next_scheduled_start_time": isoformat(row.next_scheduled_start_time),
        }
    return found


def short_flow_runs(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int, now: int
) -> list[dict[str, Any]]:
    """Flow runs as dots of a chart: when each began, how long and how late it is by `now`."""
    where = and_(where, STARTED.is_not(None), flow_run.c.state_type.is_not(None))
    query = (
        select(
            flow_run.c.id,
            flow_run.c.state_type,
            STARTED,
            estimated_run_time(flow_run),
            estimated_lateness(flow_run),
        )
        .where(flow_run.c.id.in_(page_of_ids(connection, where, order, limit, offset)))
        .order_by(*order)
    )
    return [
        {
            "id": id,
            "state_type": type_,
            "timestamp": isoformat(started),
            "duration": duration / SECOND,
            "lateness": lateness / SECOND,
        }
        for id, type_, started, duration, lateness in connection.execute(query, {"now": now})
    ]


def count_task_runs_by_state(connection: Connection, where: Clause) -> dict[str, int]:
    """How many task runs are in a state of each type."""
    kind = task_run.c.state_type
    query = select(kind, func.count()).where(where, kind.is_not(None)).group_by(kind)
    counts = {member.value: 0 for member in StateType}
    for type_, count in connection.execute(query):
        counts[type_] = count
    return counts


def dashboard_counts(
    connection: Connection, where: Clause, after: int, before: int
) -> list[dict[str, int]]:
    """How many task runs ended well and how many did not, in 20 equal stretches of time.

    Args:
        after: the stretches begin with the minute of this instant (microseconds since 1970 UTC).
        before: they end with the minute of this one.
    """
    start = after // _MINUTE * _MINUTE
    end = max(before // _MINUTE * _MINUTE + _MINUTE, start + _MINUTE)
    began, kind = task_run.c.start_time, task_run.c.state_type
    # Multiplied first, so that stretches which are no whole microseconds stay equal.
    place = (
        (began - bindparam("start", start, BigInteger))
        * BUCKETS
        // bindparam("length", end - start, BigInteger)
    )
    failed = case((kind.in_((FAILED, CRASHED)), 1), else_=0)
    query = (
        select(place.label("place"), func.count(), func.sum(failed))
        .where(where, kind.in_(sorted(TERMINAL)), and_(began >= start, began < end))
        .group_by(place)
    )
    counts = [{"completed": 0, "failed": 0} for _ in range(BUCKETS)]
    for index, count, bad in connection.execute(query):
        counts[index] = {"completed": count - int(bad), "failed": int(bad)}
    return counts


_FLOW_RUN_NAME = Prepared(
    select(flow_run.c.name)
    .join(task_run, task_run.c.flow_run_id == flow_run.c.id)
    .where(task_run.c.id == bindparam("id"))
)


def name_of_flow_run(connection: Connection, task_run_id: str) -> str | None:
    """The name of the flow run that a task run belongs to, if it does."""
    row: Sequence[Any] | None = _FLOW_RUN_NAME.first(connection, {"id": task_run_id})
    return None if row is None else row[0]
