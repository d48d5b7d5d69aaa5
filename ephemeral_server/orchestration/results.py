"""The result a state carries, kept as an artifact."""

from __future__ import annotations

from typing import Any

from ephemeral_server.artifacts.creation import create_artifact
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.fields import storable
from ephemeral_server.orchestration.run import Run
from ephemeral_server.orchestration.states import State
from ephemeral_server.wire import dump


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
            _text(data.pop(f"artifact_{name}", None)) for name in ("key", "type", "description")
        )
        state.data = data
    is_flow_run = "flow_run_id" not in run.values
    row = create_artifact(
        tx,
        key=key or None,
        type=kind,
        data=dump(state.data),
        description=description,
        flow_run_id=run.id if is_flow_run else run["flow_run_id"],
        task_run_id=None if is_flow_run else run.id,
    )
    return str(row["id"])


def _text(value: Any) -> str | None:
    """A column's text from a member that may be any JSON value."""
    if value is None:
        return None
    return storable(value if isinstance(value, str) else dump(value))
