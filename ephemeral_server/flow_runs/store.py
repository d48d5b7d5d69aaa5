"""What can be done with the flow runs of the database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from ephemeral_server.clock import SECOND
from ephemeral_server.database.counts import count_flow_runs
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.pages import page_of_ids
from ephemeral_server.database.prepared import Prepared, fetch_all
from ephemeral_server.database.relations import flow_runs_where
from ephemeral_server.database.sorting import Order, ascending, descending
from ephemeral_server.database.tables import flow_run
from ephemeral_server.database.tables.runs import STARTED
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.flow_runs.job_variables import check_changeable
from ephemeral_server.flow_runs.wire import SELECT_FLOW_RUNS
from ephemeral_server.limits.releases import release_of_flow_runs
from ephemeral_server.logs.store import delete_logs_of_flow_runs
from ephemeral_server.names import random_name
from ephemeral_server.orchestration.estimates import estimated_lateness
from ephemeral_server.wire import dump

#: Values of flow runs in the order of the keys of `FLOW_RUN`.
Rows = Sequence[Sequence[Any]]

_C = flow_run.c
ORDERS: Mapping[str, Order] = {
    "ID_DESC": descending(_C.id, _C.id),
    "START_TIME_ASC": ascending(STARTED, _C.id),
    "START_TIME_DESC": descending(STARTED, _C.id),
    "EXPECTED_START_TIME_ASC": ascending(_C.expected_start_time, _C.id),
    "EXPECTED_START_TIME_DESC": descending(_C.expected_start_time, _C.id),
    "NAME_ASC": ascending(_C.name, _C.id),
    "NAME_DESC": descending(_C.name, _C.id),
    "NEXT_SCHEDULED_START_TIME_ASC": ascending(_C.next_scheduled_start_time, _C.id),
    "END_TIME_DESC": descending(_C.end_time, _C.id),
}

_BY_ID = Prepared(SELECT_FLOW_RUNS.where(_C.id == bindparam("id")))
_LABELS = select(_C.labels).where(_C.id == bindparam("id")).with_for_update(key_share=True)
_LOCKED = select(_C.state_type).where(_C.id == bindparam("id")).with_for_update(key_share=True)


def own_where(flow_runs: FlowRunFilter | None, dialect: str) -> Clause:
    """The flow runs that fit a filter; all of them without one."""
    return flow_runs_where(dialect, flow_runs=flow_runs)


def read_flow_run(connection: Connection, id: str) -> Sequence[Any] | None:
    """The flow run of this id."""
    return _BY_ID.first(connection, {"id": id})


def list_flow_runs(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> Rows:
    """Some of the flow runs."""
    # First the page, in an index however long; then the rows, no more than the page has.
    ids = page_of_ids(connection, where, order, limit, offset)
    return fetch_all(connection, SELECT_FLOW_RUNS.where(_C.id.in_(ids)).order_by(*order))


def read_flow_run_name(connection: Connection, id: str) -> str | None:
    """The name of the flow run of this id."""
    name: str | None = connection.scalar(select(_C.name).where(_C.id == id))
    return name


_LATENESS = select(func.avg(estimated_lateness(flow_run)))


def average_lateness(connection: Connection, where: Clause, now: int) -> float | None:
    """How late flow runs are on average at the instant `now`, in seconds; None without any."""
    late = connection.scalar(_LATENESS.where(where), {"now": now})
    return None if late is None else float(late) / SECOND


def page_of_flow_runs(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> tuple[Rows, int]:
    """Some of the flow runs, and how many there are in all, at one moment."""
    rows = list_flow_runs(connection, where, order, limit, offset)
    return rows, count_flow_runs(connection, where)


def update_flow_run(tx: Transaction, id: str, changes: dict[str, Any]) -> bool:
    """Change columns of a flow run; whether there is such a run.

    Args:
        changes: values by column, JSON columns as Python values.

    Raises:
        ChangeRefusedError: job variables of a run that has left its schedule behind.
    """
    found = tx.connection.execute(_LOCKED, {"id": id}).first()
    if found is None:
        return False
    if changes.get("job_variables") is not None:
        check_changeable(found.state_type)
    if "name" in changes:
        changes["name"] = changes["name"] or random_name()
    for column in ("parameters", "empirical_policy", "tags", "job_variables"):
        if changes.get(column) is not None:
            changes[column] = dump(changes[column])
    values = {**changes, "updated": tx.now()}
    tx.connection.execute(update(flow_run).where(_C.id == id).values(values))
    return True


def merge_labels(tx: Transaction, id: str, labels: Mapping[str, Any]) -> None:
    """Add labels to a flow run; those it has under the same keys are replaced.

    Raises:
        ObjectNotFoundError: there is no such flow run.
    """
    row = tx.connection.execute(_LABELS, {"id": id}).first()
    if row is None:
        raise ObjectNotFoundError(f"Flow run with id {id} not found")
    merged = dump({**json.loads(row.labels or "{}"), **labels})
    values = {"labels": merged, "updated": tx.now()}
    tx.connection.execute(update(flow_run).where(_C.id == id).values(values))


def newest_ids(connection: Connection, where: Clause, limit: int) -> list[str]:
    """The largest ids of flow runs."""
    return list(connection.scalars(page_of_ids(connection, where, ORDERS["ID_DESC"], limit)))


def delete_flow_run(tx: Transaction, id: str) -> bool:
    """Delete a flow run as `delete_flow_runs` does; whether there was one."""
    return delete_flow_runs(tx, [id]) == 1


def delete_some_flow_runs(tx: Transaction, where: Clause, limit: int) -> list[str]:
    """Delete the flow runs with the largest ids as `delete_flow_runs` does; their ids."""
    ids = newest_ids(tx.connection, where, limit)
    delete_flow_runs(tx, ids)
    return ids


def delete_flow_runs(tx: Transaction, ids: Sequence[str]) -> int:
    """Delete flow runs as `delete_flow_runs_where` does; how many there were."""
    return delete_flow_runs_where(tx, _C.id.in_(ids))


def delete_flow_runs_where(tx: Transaction, where: Clause) -> int:
    """Delete flow runs with their task runs, states, inputs and logs; how many there were.

    The slots that they hold are given back. Their subflow runs live on without a parent.
    """
    runs = select(_C.id).where(where)
    release_of_flow_runs(tx, runs)
    delete_logs_of_flow_runs(tx.connection, runs)
    return tx.connection.execute(delete(flow_run).where(where)).rowcount
