"""Making the flow runs of deployments that are asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.blocks import missing_block
from ephemeral_server.deployments.run_schemas import DeploymentFlowRunCreate
from ephemeral_server.deployments.run_source import (
    Row,
    Source,
    checked_parameters,
    is_checked_quickly,
    read_row,
    source_of,
)
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import ChangeRefusedError, ConflictError
from ephemeral_server.flow_runs.creation import Values, make_flow_run, read_by_key, read_parent
from ephemeral_server.orchestration.creation import merged_labels
from ephemeral_server.orchestration.states import scheduled
from ephemeral_server.settings import Settings
from ephemeral_server.wire import dump
from ephemeral_server.work_queues.creation import find_or_create_queue

#: A run, and whether it is new.
Made = tuple[Values, bool]
Creator = dict[str, Any] | None


class Checked(NamedTuple):
    """What was found out about runs that are wanted.

    Attributes:
        updated: when the deployment was last changed that they were checked against.
        runs: for each its parameters as JSON, or the refusal.
    """

    updated: int
    runs: Sequence[str | Refusal]


class Refusal(NamedTuple):
    """Why a run cannot be made."""

    reason: str


def create_run(
    tx: Transaction,
    settings: Settings,
    vault: Vault,
    id: str,
    body: DeploymentFlowRunCreate,
    checked: Checked | None,
    created_by: Creator,
) -> Made | Source:
    """Make a run of a deployment, unless there is one with its idempotency key.

    Args:
        checked: what is known of the run, with its parameters.

    Returns:
        If that does not hold (any more) and cannot be found out quickly: what to check the run
        against. Nothing is done then.

    Raises:
        ObjectNotFoundError: there is no such deployment, or no block that its pool needs.
        ConflictError: the key is another's, or what the run refers to is not there.
        ChangeRefusedError: a queue is named, but there is no pool to have it.
        Others: see `checked_parameters`.
    """
    row = read_row(tx.connection, id, to_write=True)
    if checked is not None and checked.updated == row["updated"]:
        [parameters] = checked.runs
        assert isinstance(parameters, str)
    else:
        source = source_of(tx.connection, vault, row, [body])
        if not is_checked_quickly(source, body):
            return source
        parameters = checked_parameters(source, body, settings.max_parameter_size)
    return _create(tx, settings, row, body, parameters, created_by)


def create_runs(
    tx: Transaction,
    settings: Settings,
    id: str,
    bodies: Sequence[DeploymentFlowRunCreate],
    checked: Checked,
    created_by: Creator,
) -> list[Made | Refusal] | None:
    """Make many runs of a deployment, each unless there is one with its idempotency key.

    Args:
        checked: what is known of each.

    Returns:
        What became of each. None if the deployment has changed since they were checked; nothing
        is done then.

    Raises:
        ObjectNotFoundError: there is no such deployment.
    """
    row = read_row(tx.connection, id, to_write=True)
    if checked.updated != row["updated"]:
        return None
    done: list[Made | Refusal] = []
    for body, known in zip(bodies, checked.runs, strict=True):
        if isinstance(known, Refusal):
            done.append(known)
            continue
        try:
            # (What it refuses, it refuses before it has written anything.)
            done.append(_create(tx, settings, row, body, known, created_by))
        except (ConflictError, ChangeRefusedError) as error:
            done.append(Refusal(str(error)))
    return done


def _create(
    tx: Transaction,
    settings: Settings,
    row: Row,
    body: DeploymentFlowRunCreate,
    parameters: str,
    created_by: Creator,
) -> Made:
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
    missing = missing_block(tx.connection, body.infrastructure_document_id)
    if missing is not None:
        raise ConflictError(
            f"Error creating flow run: there is no infrastructure block with id {missing}."
        )
    if body.parent_task_run_id is None:
        return {}
    parent = read_parent(tx.connection, body.parent_task_run_id)
    if parent is None:
        raise ConflictError(
            f"Error creating flow run: there is no task run with id {body.parent_task_run_id}."
        )
    return parent


def _queue(tx: Transaction, row: Row, name: str | None) -> dict[str, Any]:
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
