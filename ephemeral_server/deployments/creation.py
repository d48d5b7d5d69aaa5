"""Making deployments, or changing those that are there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select, update

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import deployment, flow
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.deployments.blocks import check_blocks
from ephemeral_server.deployments.changes import change, lock_deployment
from ephemeral_server.deployments.columns import given_columns
from ephemeral_server.deployments.events import emit_deployment_event
from ephemeral_server.deployments.own_limit import check_limit, limit_columns
from ephemeral_server.deployments.placement import named_pool, queue_columns
from ephemeral_server.deployments.planned import ask_for_plan
from ephemeral_server.deployments.schedule_changes import replace_schedules
from ephemeral_server.deployments.schemas import DeploymentCreate, DeploymentStatus
from ephemeral_server.deployments.store import Row, read_deployment
from ephemeral_server.ids import new_id
from ephemeral_server.orchestration.creation import merged_labels

_LABELS = Prepared(select(flow.c.labels).where(flow.c.id == bindparam("id")))
_LIMIT = (
    update(deployment)
    .where(deployment.c.id == bindparam("deployment_id"))
    .values(concurrency_limit_id=bindparam("limit_id"))
)

#: A new deployment of which nothing is said.
_FRESH: Mapping[str, Any] = {
    "version": None,
    "description": None,
    "paused": False,
    "tags": "[]",
    "parameters": "{}",
    "parameter_openapi_schema": "{}",
    "enforce_parameter_schema": True,
    "job_variables": "{}",
    "pull_steps": "[]",
    "path": None,
    "entrypoint": None,
    "storage_document_id": None,
    "infrastructure_document_id": None,
    "work_queue_name": None,
    "work_queue_id": None,
    "concurrency_limit_id": None,
    "concurrency_options": None,
    "status": DeploymentStatus.NOT_READY.value,
    "last_polled": None,
    "to_be_planned": True,
}


def create_deployment(tx: Transaction, body: DeploymentCreate) -> tuple[Row, bool]:
    """Make a deployment, or change the one of this name that the flow has.

    Returns:
        Its values by the keys of `DEPLOYMENT`, and whether it is new.

    Raises:
        IntegrityError: there is no such flow.
        ObjectNotFoundError: there is no such pool or limit.
        ConflictError: two schedules would have one slug, or a block is not there.
    """
    pool = named_pool(tx, body)
    check_limit(tx, body)
    columns = {**queue_columns(tx, body, pool), **given_columns(body), "labels": _labels(tx, body)}
    check_blocks(tx, body)
    while True:
        id = _insert(tx, body, columns)
        if id is not None:
            _complete(tx, id, body)
            return _read(tx, id), True
        before = lock_deployment(tx, flow_id=str(body.flow_id), name=body.name)
        if before is not None:  # else it has just been deleted
            _update(tx, before, body, columns)
            return _read(tx, before["id"]), False


def _labels(tx: Transaction, body: DeploymentCreate) -> str:
    flow_id = str(body.flow_id)
    row = _LABELS.first(tx.connection, {"id": flow_id})
    return merged_labels(row[0] if row else None, body.labels, flow=flow_id)


def _insert(tx: Transaction, body: DeploymentCreate, columns: Mapping[str, Any]) -> str | None:
    """The id of the new deployment; None if there is one of this name."""
    now = tx.now()
    id = new_id(now)
    row = {
        **_FRESH,
        **columns,
        "id": id,
        "created": now,
        "updated": now,
        "name": body.name,
        "flow_id": str(body.flow_id),
    }
    insert = insert_or_ignore(tx.dialect, deployment, "flow_id", "name")
    return id if tx.connection.execute(insert, row).rowcount else None


def _complete(tx: Transaction, id: str, body: DeploymentCreate) -> None:
    """Add to a new deployment what refers to it."""
    limit = limit_columns(tx, id, body).get("concurrency_limit_id")
    if limit is not None:
        tx.connection.execute(_LIMIT, {"deployment_id": id, "limit_id": limit})
    replace_schedules(tx, id, body.schedules)
    ask_for_plan(tx, id)
    emit_deployment_event(tx, "created", id)


def _update(
    tx: Transaction, before: Mapping[Any, Any], body: DeploymentCreate, columns: Mapping[str, Any]
) -> None:
    id = before["id"]
    stale = replace_schedules(tx, id, body.schedules)
    change(tx, before, {**columns, **limit_columns(tx, id, body)}, stale)


def _read(tx: Transaction, id: str) -> Row:
    row = read_deployment(tx.connection, id)
    assert row is not None
    return row
