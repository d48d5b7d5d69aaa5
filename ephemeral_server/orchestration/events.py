"""The event that tells of a flow run's new state.

Task-run events come from the clients; a run that the scheduler inserts emits none.
"""

from __future__ import annotations

import json
from typing import Any

from ephemeral_server.clock import SECOND, to_datetime
from ephemeral_server.events.model import Event
from ephemeral_server.orchestration.run import Run
from ephemeral_server.orchestration.states import PAUSED, State
from ephemeral_server.orchestration.transition import Transition

#: Longer messages are cut in the middle.
LONGEST_MESSAGE = 100_000
#: States further apart than this are not linked by ``follows``.
_TIGHT = 300 * SECOND


def emit_flow_run_event(t: Transition) -> None:
    """Tell of the state that was entered, once it is committed."""
    state, initial = t.proposed, t.initial
    if state is None:
        return
    close = initial is not None and state.timestamp - initial.timestamp < _TIGHT
    t.tx.emit(
        Event(
            id=state.id,
            occurred=state.timestamp,
            event=f"prefect.flow-run.{state.name}",
            resource=_resource(t.run, state),
            related=_related(t.run),
            payload={
                "intended": {"from": initial.type if initial else None, "to": state.type},
                "initial_state": _summary(initial) if initial else None,
                "validated_state": _summary(state),
            },
            follows=initial.id if initial is not None and close else None,
            received=t.now(),
        )
    )


def _resource(run: Run, state: State) -> dict[str, str]:
    return {
        "prefect.resource.id": f"prefect.flow-run.{run.id}",
        "prefect.resource.name": run["name"],
        "prefect.run-count": str(run["run_count"]),
        "prefect.state-message": _cut(state.message or ""),
        "prefect.state-name": state.name,
        "prefect.state-timestamp": to_datetime(state.timestamp).isoformat(),
        "prefect.state-type": state.type,
    }


def _summary(state: State) -> dict[str, str]:
    summary = {"type": state.type, "name": state.name}
    if state.message:
        summary["message"] = _cut(state.message)
    if state.type == PAUSED:
        summary["pause_reschedule"] = "true" if state.details.get("pause_reschedule") else "false"
    return summary


def _cut(message: str) -> str:
    if len(message) <= LONGEST_MESSAGE:
        return message
    half = LONGEST_MESSAGE // 2
    more = len(message) - LONGEST_MESSAGE
    return f"{message[:half]}...{more} additional characters...{message[-half:]}"


def _related(run: Run) -> list[dict[str, str]]:
    """The objects around the run, each once, then all their tags, then who made the run."""
    around = (
        ("flow", run["flow_id"], run["flow.name"]),
        ("deployment", run["deployment_id"], run["deployment.name"]),
        ("work-queue", run["work_queue_id"], run["work_queue.name"]),
        ("work-pool", run["work_pool.id"], run["work_pool.name"]),
        ("task-run", run["parent_task_run_id"], run["parent.name"]),
    )
    related = [
        _resource_of(role, f"prefect.{role}.{id_}", name)
        for role, id_, name in around
        if name is not None
    ]
    for resource in related:
        if resource["prefect.resource.role"] == "work-pool":
            resource["prefect.work-pool.type"] = run["work_pool.type"]
    tags: set[str] = set()
    for column in ("tags", "flow.tags", "deployment.tags", "parent.tags"):
        tags |= set(json.loads(run[column] or "[]"))
    related += [_resource_of("tag", f"prefect.tag.{tag}") for tag in sorted(tags)]
    related += _creator(json.loads(run["created_by"] or "null"))
    return related


def _creator(created_by: dict[str, Any] | None) -> list[dict[str, str]]:
    kind = (created_by or {}).get("type")
    if created_by is None or kind not in ("DEPLOYMENT", "AUTOMATION"):
        return []
    id_ = f"prefect.{kind.lower()}.{created_by['id']}"
    return [_resource_of("creator", id_, created_by.get("display_value") or "")]


def _resource_of(role: str, id_: str, name: str | None = None) -> dict[str, str]:
    resource = {"prefect.resource.id": id_, "prefect.resource.role": role}
    if name is not None:
        resource["prefect.resource.name"] = name
    return resource
