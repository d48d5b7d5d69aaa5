"""Making the flow runs of deployments that are asked for, once they are checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import deployment, flow, work_pool, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.run_schemas import DeploymentFlowRunCreate
from ephemeral_server.deployments.run_source import NOT_FOUND, Source
from ephemeral_server.errors import ChangeRefusedError, ConflictError, ObjectNotFoundError
from ephemeral_server.flow_runs.creation import Values, make_flow_run, read_by_key, read_parent
from ephemeral_server.orchestration.creation import merged_labels
from ephemeral_server.orchestration.states import scheduled
from ephemeral_server.settings import Settings
from ephemeral_server.wire import dump
from ephemeral_server.work_queues.creation import find_or_create_queue

_C = deployment.c
#: What a run takes from its deployment, and what its events tell of that. Until the commit
#: nobody deletes the deployment.
_DEPLOYMENT = Prepared(
    select(
        _C.id,
        _C.updated,
        _C.flow_id,
        _C.version,
        _C.labels,
        _C.work_queue_id,
        _C.work_queue_name,
        _C.name.label("deployment.name"),
        _C.tags.label("deployment.tags"),
        flow.c.name.label("flow.name"),
        flow.c.tags.label("flow.tags"),
        work_queue.c.name.label("work_queue.name"),
        work_pool.c.id.label("work_pool.id"),
        work_pool.c.name.label("work_pool.name"),
        work_pool.c.type.label("work_pool.type"),
    )
    .select_from(deployment)
    .join(flow, flow.c.id == _C.flow_id)
    .outerjoin(work_queue, work_queue.c.id == _C.work_queue_id)
    .outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
    .where(_C.id == bindparam("id"))
    .with_for_update(read=True, key_share=True, of=deployment)
)

#: A run that is wanted, and its parameters as JSON.
Wanted = tuple[DeploymentFlowRunCreate, str]
#: A run, and whether it is new.
Made = tuple[Values, bool]
Creator = dict[str, Any] | None


def create_run(
    tx: Transaction, settings: Settings, source: Source, wanted: Wanted, created_by: Creator
) -> Made | None:
    """Make a run of a deployment, unless there is one with its idempotency key.

    Returns:
        None if the deployment is no longer as `source` has it; nothing is done then.

    Raises:
        ObjectNotFoundError: there is no such deployment any more.
        ConflictError: the key is another's, or what the run refers to is not there.
        ChangeRefusedError: a queue is named, but there is no pool to have it.
    """
    row = _unchanged(tx, source)
    return None if row is None else _create(tx, settings, row, wanted, created_by)


def create_runs(
    tx: Transaction,
    settings: Settings,
    source: Source,
    wanted: Sequence[Wanted | str],
    created_by: Creator,
) -> list[Made | str] | None:
    """Make many runs of a deployment, each unless there is one with its idempotency key.

    Args:
        wanted: what to make, or a sentence on why it cannot be made.

    Returns:
        For each what was made, or a sentence on why it was not. None if the deployment is no
        longer as `source` has it; nothing is done then.

    Raises:
        ObjectNotFoundError: there is no such deployment any more.
    """
    row = _unchanged(tx, source)
    if row is None:
        return None
    done: list[Made | str] = []
    for each in wanted:
        try:
            # (What it refuses, it refuses before it has written anything.)
            made = each if isinstance(each, str) else _create(tx, settings, row, each, created_by)
        except (ConflictError, ChangeRefusedError) as error:
            made = str(error)
        done.append(made)
    return done


def _unchanged(tx: Transaction, source: Source) -> dict[str, Any] | None:
    row = _DEPLOYMENT.mapping(tx.connection, {"id": source.id})
    if row is None:
        raise ObjectNotFoundError(NOT_FOUND)
    return row if row["updated"] == source.updated else None


def _create(
    tx: Transaction,
    settings: Settings,
    row: Mapping[str, Any],
    wanted: Wanted,
    created_by: Creator,
) -> Made:
    body, parameters = wanted
    same = read_by_key(tx.connection, row["flow_id"], body.idempotency_key)
    if same is not None:
        if same["deployment_id"] == row["id"]:
            return same, False
        raise ConflictError(
            f"Error creating flow run: idempotency key {body.idempotency_key!r} is that of flow "
            f"run {same['id']}, which is not of this deployment."
        )
    around = {name: value for name, value in row.items() if "." in name}
    around |= _parent(tx, body)
    queue = _queue(tx, row, body.work_queue_name)
    around["work_queue.name"] = queue.pop("work_queue.name")
    columns = {
        "flow_id": row["flow_id"],
        "flow_version": None,
        "deployment_id": row["id"],
        "deployment_version": row["version"],
        **queue,
        "parameters": parameters,
        "tags": dump(list(dict.fromkeys([*json.loads(row["deployment.tags"]), *body.tags]))),
        "labels": merged_labels(
            row["labels"], body.labels, flow=row["flow_id"], deployment=row["id"]
        ),
    }
    now = tx.now()
    state = body.state.to_state(now) if body.state else scheduled(now, now)
    return make_flow_run(tx, settings, body, columns, around, state, created_by), True


def _parent(tx: Transaction, body: DeploymentFlowRunCreate) -> Mapping[str, Any]:
    """What events tell of the parent task run; also finds out whether all that is named is there.

    Raises:
        ConflictError: something is not.
    """
    if body.infrastructure_document_id is not None:  # this server keeps no blocks
        raise ConflictError(
            "Error creating flow run: there is no infrastructure block with id "
            f"{body.infrastructure_document_id}."
        )
    if body.parent_task_run_id is None:
        return {}
    parent = read_parent(tx.connection, body.parent_task_run_id)
    if parent is None:
        raise ConflictError(
            f"Error creating flow run: there is no task run with id {body.parent_task_run_id}."
        )
    return parent


def _queue(tx: Transaction, row: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """The queue of a run: the deployment's, or the one of this name in the deployment's pool.

    Raises:
        ChangeRefusedError: the deployment is in no pool.
    """
    if not name:
        return {key: row[key] for key in ("work_queue_id", "work_queue_name", "work_queue.name")}
    if row["work_pool.id"] is None:
        raise ChangeRefusedError(
            f"Cannot create flow run in work queue {name} because deployment {row['id']} is not "
            "associated with a work pool. Please remove work_queue_name and try again."
        )
    id = find_or_create_queue(tx, row["work_pool.id"], name)
    return {"work_queue_id": id, "work_queue_name": name, "work_queue.name": name}
