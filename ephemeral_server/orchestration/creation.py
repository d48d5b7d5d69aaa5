"""What flow runs and task runs have in common when they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ephemeral_server.ids import new_id
from ephemeral_server.names import random_name
from ephemeral_server.orchestration.states import PENDING, State, default_name
from ephemeral_server.wire import dump


def fresh_columns(now: int, name: str | None, *, id: str | None = None) -> dict[str, Any]:
    """The columns of a run that its states will fill; an empty `name` becomes a random one."""
    return {
        "id": id or new_id(now),
        "created": now,
        "updated": now,
        "name": name or random_name(),
        "state_id": None,
        "state_type": None,
        "state_name": None,
        "state_timestamp": None,
        "run_count": 0,
        "expected_start_time": None,
        "next_scheduled_start_time": None,
        "start_time": None,
        "end_time": None,
        "total_run_time": 0,
    }


def merged_labels(above: str | None, own: Mapping[str, Any] | None, **marks: str | None) -> str:
    """The labels of a run as JSON: those of what it belongs to, the marks, then its own.

    Args:
        above: labels of the flow, deployment or flow run, as JSON.
        own: labels of the request.
        **marks: ids of what the run belongs to, by kind, with underscores for hyphens.
    """
    labels = json.loads(above) if above else {}
    for kind, id_ in marks.items():
        if id_ is not None:
            labels[f"prefect.{kind.replace('_', '-')}.id"] = id_
    return dump({**labels, **(own or {})})


def first_state(proposed: State | None, now: int) -> State:
    """The state a run begins with."""
    return proposed or State(PENDING, default_name(PENDING), now)
