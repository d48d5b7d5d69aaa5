"""Events of deployments."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import bindparam, select

from ephemeral_server.database.operators import is_in
from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import deployment, flow, work_pool, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.events import objects
from ephemeral_server.work_queues.events import pool_resource

_SELECT = (
    select(
        deployment.c.id,
        deployment.c.name,
        deployment.c.flow_id,
        deployment.c.work_queue_id,
        deployment.c.storage_document_id,
        deployment.c.infrastructure_document_id,
        deployment.c.concurrency_limit_id,
        flow.c.name.label("flow.name"),
        work_queue.c.name.label("queue.name"),
        work_pool.c.id.label("pool.id"),
        work_pool.c.name.label("pool.name"),
        work_pool.c.type.label("pool.type"),
    )
    .join(flow, flow.c.id == deployment.c.flow_id)
    .outerjoin(work_queue, work_queue.c.id == deployment.c.work_queue_id)
    .outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
)
_AROUND = Prepared(_SELECT.where(deployment.c.id == bindparam("id")))


def emit_deployment_event(
    tx: Transaction, what: str, id: str, payload: dict[str, Any] | None = None
) -> None:
    """Tell of something that happens to a deployment, as long as it is there.

    Args:
        what: such as ``created``.
    """
    row = _AROUND.mapping(tx.connection, {"id": id})
    if row is not None:
        _emit(tx, what, row, payload)


def emit_deployments_event(tx: Transaction, what: str, ids: Collection[str]) -> None:
    """Tell of something that happens to each of some deployments, however many."""
    query = _SELECT.where(is_in(deployment.c.id, list(ids), tx.dialect)).order_by(deployment.c.id)
    for row in tx.connection.execute(query).mappings():
        _emit(tx, what, dict(row))


def _emit(
    tx: Transaction, what: str, row: Mapping[str, Any], payload: dict[str, Any] | None = None
) -> None:
    about = objects.resource("deployment", row["id"], row["name"])
    objects.emit(tx, f"prefect.deployment.{what}", about, _related(row), payload)


def _related(row: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    yield objects.resource("flow", row["flow_id"], row["flow.name"], role="flow")
    if row["queue.name"] is not None:
        queue = row["work_queue_id"], row["queue.name"]
        yield objects.resource("work-queue", *queue, role="work-queue")
        yield pool_resource(row["pool.id"], row["pool.name"], row["pool.type"])
    for role in ("storage", "infrastructure"):
        if (block := row[f"{role}_document_id"]) is not None:
            yield objects.resource("block-document", block, role=role)
    if (limit := row["concurrency_limit_id"]) is not None:
        yield objects.resource("concurrency-limit", limit, role="concurrency-limit")
