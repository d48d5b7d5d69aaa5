"""Changing the state of runs: what routes and services call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ephemeral_server.database.tables import task_run
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.orchestration import policies
from ephemeral_server.orchestration.client import Client, the_server
from ephemeral_server.orchestration.effects import FLOW_EFFECTS, TASK_EFFECTS
from ephemeral_server.orchestration.engine import evaluate
from ephemeral_server.orchestration.run import Run
from ephemeral_server.orchestration.states import AWAITING_RETRY, FAILED, State, scheduled
from ephemeral_server.orchestration.storage import (
    insert_state,
    load_flow_run,
    load_task_run,
    save_flow_run,
    save_task_run,
)
from ephemeral_server.orchestration.transition import Policy, Status, Transition
from ephemeral_server.settings import Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a proposed state.

    Attributes:
        state: the state the run is in now; None if it has none.
        is_new: whether `state` was entered by this change.
        status, details: the answer to the client.
    """

    state: State | None
    is_new: bool
    status: Status
    details: dict[str, Any]


def set_flow_run_state(
    tx: Transaction,
    settings: Settings,
    flow_run_id: str,
    proposed: State,
    *,
    policy: Policy = policies.FLOW_CORE,
    asked_by: Callable[[], Client] = the_server,
) -> Outcome:
    """Propose a state for a flow run.

    Args:
        policy: the rules.
        asked_by: tells who proposes it; called only where a rule cares.

    Raises:
        ObjectNotFoundError: there is no such flow run.
    """
    run, initial = load_flow_run(tx, flow_run_id)
    return change_flow_run(tx, settings, run, initial, proposed, policy, asked_by)


def change_flow_run(
    tx: Transaction,
    settings: Settings,
    run: Run,
    initial: State | None,
    proposed: State,
    policy: Policy,
    asked_by: Callable[[], Client] = the_server,
) -> Outcome:
    """The same for a loaded flow run, or for a new one, which is stored with its first state."""
    transition = Transition(tx, settings, run, initial, proposed, asked_by=asked_by)
    evaluate(transition, policy, FLOW_EFFECTS, _write_flow_run_state, (_mirror, _retry_tasks))
    save_flow_run(tx, run)
    return _outcome(transition)


def set_task_run_state(
    tx: Transaction,
    settings: Settings,
    task_run_id: str,
    proposed: State,
    *,
    force: bool = False,
) -> Outcome:
    """Propose a state for a task run.

    Raises:
        ObjectNotFoundError: there is no such task run.
    """
    run, initial = load_task_run(tx, task_run_id)
    return change_task_run(tx, settings, run, initial, proposed, force=force)


def change_task_run(
    tx: Transaction,
    settings: Settings,
    run: Run,
    initial: State | None,
    proposed: State,
    *,
    force: bool = False,
) -> Outcome:
    """The same for a loaded task run, or for a new one, which is stored with its first state."""
    if proposed.details.get("deferred"):
        policy = policies.TASK_BACKGROUND
    else:
        policy = policies.TASK_MINIMAL if force else policies.TASK_CORE
    transition = Transition(tx, settings, run, initial, proposed)
    evaluate(transition, policy, TASK_EFFECTS, _write_task_run_state)
    save_task_run(tx, run)
    return _outcome(transition)


def _outcome(t: Transition) -> Outcome:
    return Outcome(t.proposed or t.initial, t.is_written, t.status, t.details)


def _write_flow_run_state(t: Transition) -> None:
    assert t.proposed is not None
    t.run.store(t.tx.connection)
    insert_state(t.tx, t.run, t.proposed, "flow_run_id")


def _write_task_run_state(t: Transition) -> None:
    assert t.proposed is not None
    t.run.store(t.tx.connection)
    insert_state(t.tx, t.run, t.proposed, "task_run_id")


def _mirror(t: Transition) -> None:
    """The task run that stands for a subflow in its parent flow shows the subflow's state."""
    parent = t.run["parent_task_run_id"]
    if parent is None or t.proposed is None:
        return
    copy = t.proposed.copy(t.now())
    copy.details["child_flow_run_id"] = t.run.id
    set_task_run_state(t.tx, t.settings, parent, copy, force=True)


def _retry_tasks(t: Transition) -> None:
    """Old clients find the failed tasks of a flow run that is to run again ready to do so."""
    state = t.proposed
    if state is None or state.name != AWAITING_RETRY or t.status != "REJECT":
        return
    at = state.scheduled_time
    if at is None or t.client.retries_tasks:
        return
    of_run = task_run.c.flow_run_id == t.run.id
    failed = select(task_run.c.id).where(of_run, task_run.c.state_type == FAILED)
    for id in t.tx.connection.scalars(failed.order_by(task_run.c.id)).all():
        run, initial = load_task_run(t.tx, id)
        run["run_count"] = 0
        again = scheduled(at, t.now(), AWAITING_RETRY)
        change_task_run(t.tx, t.settings, run, initial, again, force=True)
