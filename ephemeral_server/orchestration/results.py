"""The result a state carries, kept as an artifact."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select, update

from ephemeral_server.database.tables import artifact, artifact_collection
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.fields import storable
from ephemeral_server.ids import new_id
from ephemeral_server.orchestration.run import Run
from ephemeral_server.orchestration.states import State
from ephemeral_server.wire import dump

_LATEST = select(artifact_collection.c.id).where(artifact_collection.c.key == bindparam("wanted"))


def keep_result(tx: Transaction, run: Run, state: State) -> str | None:
    """Store the data of `state` as an artifact of its run.

    The members ``artifact_key``, ``artifact_type`` and ``artifact_description`` of an object
    become columns of the artifact and leave the data.

    Returns:
        The artifact's id, or None if the state has no data to keep.
    """
    if not state.has_data:
        return None
    key = kind = description = None
    if isinstance(state.data, dict):
        data = dict(state.data)
        key, kind, description = (
            data.pop(f"artifact_{name}", None) for name in ("key", "type", "description")
        )
        state.data = data
    is_flow_run = "flow_run_id" not in run.values
    row = {
        "key": _text(key),
        "type": _text(kind),
        "description": _text(description),
        "data": dump(state.data),
        "metadata_": None,
        "flow_run_id": run.id if is_flow_run else run["flow_run_id"],
        "task_run_id": None if is_flow_run else run.id,
    }
    now = tx.now()
    artifact_id = new_id(now)
    stamp = {"created": now, "updated": now}
    tx.connection.execute(artifact.insert(), {"id": artifact_id, **stamp, **row})
    if row["key"]:
        _collect(tx, artifact_id, row, now)
    return artifact_id


def _collect(tx: Transaction, artifact_id: str, row: dict[str, Any], now: int) -> None:
    """Make the artifact the latest of its key."""
    found = tx.connection.execute(_LATEST, {"wanted": row["key"]}).scalar()
    values = {**row, "latest_id": artifact_id, "updated": now}
    if found is None:
        values |= {"id": new_id(now), "created": now}
        tx.connection.execute(artifact_collection.insert(), values)
    else:
        by_id = update(artifact_collection).where(artifact_collection.c.id == found)
        tx.connection.execute(by_id, values)


def _text(value: Any) -> str | None:
    """A column's text from a member that may be any JSON value."""
    if value is None:
        return None
    return storable(value if isinstance(value, str) else dump(value))
