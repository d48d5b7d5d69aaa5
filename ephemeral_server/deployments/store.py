"""Reading and deleting deployments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, select

from ephemeral_server.database.operators import Clause, is_in
from ephemeral_server.database.prepared import Prepared, fetch_all
from ephemeral_server.database.sorting import Order, ascending, descending
from ephemeral_server.database.tables import deployment, deployment_schedule, flow
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.events import emit_deployments_event
from ephemeral_server.deployments.own_limit import delete_own_limits
from ephemeral_server.deployments.planned import delete_planned_runs
from ephemeral_server.deployments.wire import SCHEDULE, SCHEDULES_AT, SELECT_DEPLOYMENTS

#: Values of deployments in the order of the keys of `DEPLOYMENT`.
Row = Sequence[Any]

_C = deployment.c
BY_NAME = ascending(_C.name, _C.id)
ORDERS: Mapping[str, Order] = {
    "CREATED_DESC": descending(_C.created, _C.id),
    "UPDATED_DESC": descending(_C.updated, _C.id),
    "NAME_ASC": BY_NAME,
    "NAME_DESC": descending(_C.name, _C.id),
}

_BY_ID = Prepared(SELECT_DEPLOYMENTS.where(_C.id == bindparam("id")))
_BY_NAMES = Prepared(
    SELECT_DEPLOYMENTS.join(flow, flow.c.id == _C.flow_id).where(
        flow.c.name == bindparam("flow_name"), _C.name == bindparam("name")
    )
)
_S = deployment_schedule.c
_SCHEDULES = select(*[_S[key] for key in SCHEDULE.keys]).order_by(*descending(_S.updated, _S.id))
_DEPLOYMENT_OF = SCHEDULE.keys.index("deployment_id")


def read_deployment(connection: Connection, id: str) -> Row | None:
    """The deployment of this id."""
    return _one(connection, _BY_ID.first(connection, {"id": id}))


def read_deployment_by_name(connection: Connection, flow_name: str, name: str) -> Row | None:
    """The deployment of exactly this name, of the flow of exactly this name."""
    found = {"flow_name": flow_name, "name": name}
    return _one(connection, _BY_NAMES.first(connection, found))


def list_deployments(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> Sequence[Row]:
    """Some of the deployments."""
    query = SELECT_DEPLOYMENTS.where(where).order_by(*order).limit(limit).offset(offset)
    return _with_schedules(connection, fetch_all(connection, query))


def count_deployments(connection: Connection, where: Clause) -> int:
    """How many deployments there are."""
    query = select(func.count()).select_from(deployment).where(where)
    return connection.execute(query).scalar_one()


def page_of_deployments(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> tuple[Sequence[Row], int]:
    """Some of the deployments, and how many there are in all, at one moment."""
    rows = list_deployments(connection, where, order, limit, offset)
    return rows, count_deployments(connection, where)


def exists_deployment(connection: Connection, id: str) -> bool:
    """Whether there is a deployment of this id."""
    return connection.execute(select(_C.id).where(_C.id == id)).first() is not None


def read_schedules(connection: Connection, deployment_id: str) -> Sequence[Row] | None:
    """The schedules of a deployment as values of `SCHEDULE`, the one last changed first.

    None if there is no such deployment.
    """
    rows = fetch_all(connection, _SCHEDULES.where(_S.deployment_id == deployment_id))
    return rows if rows or exists_deployment(connection, deployment_id) else None


def delete_deployment(tx: Transaction, id: str) -> bool:
    """Delete a deployment as `delete_deployments` does; whether there was one."""
    return bool(delete_deployments(tx, _C.id == id, 1))


def delete_deployments(tx: Transaction, where: Clause, limit: int) -> list[str]:
    """Delete the first deployments by name with all that belongs to them; their ids.

    Their schedules go by the foreign keys; their runs that have not begun and the limits that
    are their own go here. Other runs stay and keep the id of their deployment.
    """
    query: Select[Any] = select(_C.id).where(where).order_by(*BY_NAME).limit(limit)
    ids = list(tx.connection.scalars(query.with_for_update()))
    if ids:
        emit_deployments_event(tx, "deleted", ids)
        delete_planned_runs(tx, *ids, planned_only=False)
        delete_own_limits(tx, _C.id.in_(ids))
        tx.connection.execute(delete(deployment).where(_C.id.in_(ids)))
    return ids


def _one(connection: Connection, row: Row | None) -> Row | None:
    return None if row is None else _with_schedules(connection, [row])[0]


def _with_schedules(connection: Connection, rows: Iterable[Row]) -> Sequence[Row]:
    """Rows with the JSON of all their schedules, which are read at once."""
    rows = list(rows)
    found: defaultdict[str, list[str]] = defaultdict(list)
    if rows:
        wanted = is_in(_S.deployment_id, [row[0] for row in rows], connection.dialect.name)
        for schedule in fetch_all(connection, _SCHEDULES.where(wanted)):
            found[schedule[_DEPLOYMENT_OF]].append(SCHEDULE.render(schedule))
    return [
        [*row[:SCHEDULES_AT], f"[{','.join(found.get(row[0], ()))}]", *row[SCHEDULES_AT:]]
        for row in rows
    ]
