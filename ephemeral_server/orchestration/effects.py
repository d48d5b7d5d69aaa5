"""What entering a state does to a run, whatever the rules were.

Applied in the order of the lists at the end of this module, also to forced transitions and
to a run's first state.
"""

from __future__ import annotations

from ephemeral_server.orchestration.states import RUNNING, SCHEDULED, State
from ephemeral_server.orchestration.transition import Step, Transition


def keep_order(t: Transition) -> None:
    """A state's timestamp is later than its predecessor's, so histories have one order."""
    state = _entered(t)
    if t.initial is not None and state.timestamp <= t.initial.timestamp:
        state.timestamp = t.initial.timestamp + 1


def set_state(t: Transition) -> None:
    """The run shows its current state."""
    state = _entered(t)
    t.run["state_id"] = state.id
    t.run["state_type"] = state.type
    t.run["state_name"] = state.name
    t.run["state_timestamp"] = state.timestamp


def set_times(t: Transition) -> None:
    """Start, end, running time and expectations follow from the states."""
    state, run = _entered(t), t.run
    if state.type == RUNNING and run["start_time"] is None:
        run["start_time"] = state.timestamp
    if state.is_terminal:
        if run["end_time"] is None:
            if run["start_time"] is None:
                run["start_time"] = state.timestamp
            run["end_time"] = state.timestamp
    elif t.initial is not None and t.initial.is_terminal:
        run["end_time"] = None
    if t.initial is not None and t.initial.type == RUNNING:
        run["total_run_time"] = run["total_run_time"] + state.timestamp - t.initial.timestamp
    if run["expected_start_time"] is None:
        at = state.scheduled_time if state.type == SCHEDULED else None
        run["expected_start_time"] = state.timestamp if at is None else at
    run["next_scheduled_start_time"] = state.scheduled_time if state.type == SCHEDULED else None


def count_flow_run(t: Transition) -> None:
    """Each start counts, but for the return from a pause, if the client knows of it.

    A run that was made in a pause has not started before: its return is its first start.
    """
    state = _entered(t)
    resuming = bool(t.run.policy.get("resuming")) and t.client.knows_pauses
    if state.type == RUNNING and not (resuming and t.run["run_count"]):
        t.run["run_count"] = t.run["run_count"] + 1
    if resuming and (state.type == RUNNING or state.is_terminal):
        t.run.set_policy(resuming=False)


def count_task_run(t: Transition) -> None:
    """Each start counts."""
    if _entered(t).type == RUNNING:
        t.run["run_count"] = t.run["run_count"] + 1


def name_flow_run(t: Transition) -> None:
    """The details name the run, and the task run of the parent flow that stands for it."""
    details = _entered(t).details
    details["flow_run_id"] = t.run.id
    parent = t.run["parent_task_run_id"]
    if parent is not None:
        details["task_run_id"] = parent


def name_task_run(t: Transition) -> None:
    """The details name the run and its flow run."""
    details = _entered(t).details
    details["flow_run_id"] = t.run["flow_run_id"]
    details["task_run_id"] = t.run.id


FLOW_EFFECTS: tuple[Step, ...] = (
    keep_order,
    set_state,
    set_times,
    name_flow_run,
    count_flow_run,
)
TASK_EFFECTS: tuple[Step, ...] = (
    keep_order,
    set_state,
    set_times,
    name_task_run,
    count_task_run,
)


def _entered(t: Transition) -> State:
    assert t.proposed is not None, "effects are applied only while a proposal is left"
    return t.proposed
