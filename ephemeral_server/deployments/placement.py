"""Where the runs of a deployment are to wait: the work pool and the queue that a body names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import work_pool
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.schemas import DeploymentCreate, DeploymentUpdate
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.work_queues.creation import find_or_create_queue
from ephemeral_server.work_queues.default_agent import NAME as DEFAULT_POOL
from ephemeral_server.work_queues.default_agent import default_agent_queue, default_pool

_C = work_pool.c
_POOL = Prepared(
    select(_C.id, _C.default_queue_id, _C.base_job_template).where(_C.name == bindparam("name"))
)


def find_pool(connection: Connection, name: str) -> Mapping[str, Any]:
    """The id, the default queue and the template of a pool.

    Raises:
        ObjectNotFoundError: there is none of this name.
    """
    pool = _POOL.mapping(connection, {"name": name})
    if pool is None:
        raise ObjectNotFoundError(f'Work pool "{name}" not found.')
    return pool


def named_pool(
    tx: Transaction, body: DeploymentCreate | DeploymentUpdate
) -> Mapping[str, Any] | None:
    """The pool that a body names, as `find_pool` has it; None if it names none.

    The pool of queues that have none is made when it is first named.

    Raises:
        ObjectNotFoundError: there is no such pool.
    """
    if not body.work_pool_name:
        return None
    if body.work_pool_name == DEFAULT_POOL:
        default_pool(tx)
    return find_pool(tx.connection, body.work_pool_name)


def queue_columns(
    tx: Transaction,
    body: DeploymentCreate | DeploymentUpdate,
    pool: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The column ``work_queue_id``, if a body says anything about it; queues are made as needed.

    Args:
        pool: the one that the body names.
    """
    if pool is not None:
        if body.work_queue_name:
            queue = find_or_create_queue(tx, pool["id"], body.work_queue_name)
            return {"work_queue_id": queue}
        return {"work_queue_id": pool["default_queue_id"]}
    if (
        isinstance(body, DeploymentUpdate)
        and body.work_pool_name is None
        and "work_pool_name" in body.model_fields_set
    ):
        return {"work_queue_id": None}
    if body.work_queue_name:
        # As clients of long ago mean it, even if the deployment is in another pool.
        return {"work_queue_id": default_agent_queue(tx, body.work_queue_name)}
    return {}
