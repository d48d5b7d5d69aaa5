"""What can be done with the flows of the database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.sorting import Order, ascending, descending
from ephemeral_server.database.tables import deployment, flow, flow_run
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.deployments.own_limit import delete_own_limits
from ephemeral_server.events import objects
from ephemeral_server.flows.wire import FLOW
from ephemeral_server.ids import new_id
from ephemeral_server.limits.releases import release_of_flow_runs
from ephemeral_server.logs.store import delete_logs_of_flow_runs
from ephemeral_server.wire import dump

#: The values of one flow by the keys of `FLOW`.
FlowRow = Mapping[Any, Any]

BY_NAME = ascending(flow.c.name, flow.c.id)
ORDERS: Mapping[str, Order] = {
    "CREATED_DESC": descending(flow.c.created, flow.c.id),
    "UPDATED_DESC": descending(flow.c.updated, flow.c.id),
    "NAME_ASC": BY_NAME,
    "NAME_DESC": descending(flow.c.name, flow.c.id),
}

_FLOWS = select(*[flow.c[key] for key in FLOW.keys])
_BY_ID = _FLOWS.where(flow.c.id == bindparam("id"))
_BY_NAME = _FLOWS.where(flow.c.name == bindparam("name"))


def create_flow(
    tx: Transaction, name: str, tags: list[str], labels: dict[str, Any] | None
) -> tuple[FlowRow, bool]:
    """The flow of this name, and whether it is new. One that is there stays as it is."""
    now = tx.now()
    row = {
        "id": new_id(now),
        "created": now,
        "updated": now,
        "name": name,
        "tags": dump(tags),
        "labels": None if labels is None else dump(labels),
    }
    if tx.connection.execute(insert_or_ignore(tx.dialect, flow, "name"), row).rowcount:
        _emit(tx, "prefect.flow.created", row)
        return row, True
    return tx.connection.execute(_BY_NAME, {"name": name}).mappings().one(), False


def update_flow(tx: Transaction, id: str, tags: list[str] | None) -> bool:
    """Change the tags unless they are None; whether there is such a flow."""
    changes: dict[str, Any] = {"updated": tx.now()}
    if tags is not None:
        changes["tags"] = dump(tags)
    tx.connection.execute(update(flow).where(flow.c.id == id).values(changes))
    row = read_flow(tx.connection, id)
    if row is not None:
        _emit(tx, "prefect.flow.updated", row)
    return row is not None


def read_flow(connection: Connection, id: str) -> FlowRow | None:
    """The flow of this id."""
    return connection.execute(_BY_ID, {"id": id}).mappings().one_or_none()


def read_flow_by_name(connection: Connection, name: str) -> FlowRow | None:
    """The flow of exactly this name."""
    return connection.execute(_BY_NAME, {"name": name}).mappings().one_or_none()


def list_flows(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> Sequence[Sequence[Any]]:
    """Flows as values in the order of the keys of `FLOW`."""
    query = _FLOWS.where(where).order_by(*order).limit(limit).offset(offset)
    return fetch_all(connection, query)


def count_flows(connection: Connection, where: Clause) -> int:
    """How many flows there are."""
    return connection.execute(select(func.count()).select_from(flow).where(where)).scalar_one()


def page_of_flows(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> tuple[Sequence[Sequence[Any]], int]:
    """Some of the flows, and how many there are in all, at one moment."""
    return list_flows(connection, where, order, limit, offset), count_flows(connection, where)


def delete_flows(tx: Transaction, where: Clause, limit: int) -> list[str]:
    """Delete the first flows by name with all that belongs to them; their ids.

    Their deployments, their runs and what is below these go by the foreign keys. The limits that
    are the deployments' own and the logs of the runs, which name them without a key, go here,
    and the slots that the runs hold are given back.
    """
    query = _FLOWS.where(where).order_by(*BY_NAME).limit(limit)
    rows = tx.connection.execute(query).mappings().all()
    ids = [row["id"] for row in rows]
    if ids:
        runs = select(flow_run.c.id).where(flow_run.c.flow_id.in_(ids))
        release_of_flow_runs(tx, runs)
        delete_logs_of_flow_runs(tx.connection, runs)
        delete_own_limits(tx, deployment.c.flow_id.in_(ids))
        tx.connection.execute(delete(flow).where(flow.c.id.in_(ids)))
    for row in rows:
        _emit(tx, "prefect.flow.deleted", row)
    return ids


def _emit(tx: Transaction, name: str, row: FlowRow) -> None:
    payload = {
        "name": row["name"],
        "tags": json.loads(row["tags"]),
        "labels": json.loads(row["labels"] or "null"),
    }
    objects.emit(tx, name, objects.resource("flow", row["id"], row["name"]), payload=payload)
