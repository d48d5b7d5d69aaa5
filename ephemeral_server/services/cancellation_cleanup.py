"""Cancels the task runs and subflows of cancelled flow runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, exists, or_, select

from ephemeral_server.clock import later
from ephemeral_server.database import Database, Transaction
from ephemeral_server.database.tables import flow_run, task_run
from ephemeral_server.orchestration.changes import (
    Outcome,
    change_flow_run,
    set_task_run_state,
)
from ephemeral_server.orchestration.policies import FLOW_MINIMAL
from ephemeral_server.orchestration.states import (
    ALL_TYPES,
    CANCELLED,
    CANCELLING,
    TERMINAL,
    State,
    default_name,
)
from ephemeral_server.orchestration.storage import load_flow_run
from ephemeral_server.services.duties import Duty, fulfil
from ephemeral_server.settings import Settings

#: Seconds after the end of a flow run in which its task runs are looked after.
_TASK_RUNS_FOR = 24 * 3600

_MESSAGE = "The parent flow run was cancelled."
_OPEN = sorted(ALL_TYPES - TERMINAL)


@dataclass(frozen=True, slots=True)
class CancellationCleanup:
    """What one pass did.

    Attributes:
        task_runs: how many it cancelled, besides those that stand for a subflow.
        subflows: how many it cancelled.
        cancelling: how many subflows with a deployment it asked to end.
    """

    task_runs: int = 0
    subflows: int = 0
    cancelling: int = 0


async def run_once(database: Database, settings: Settings) -> CancellationCleanup:
    """Cancel what is left of cancelled flow runs: their subflows, those of these, and task runs.

    A subflow with a deployment has a worker, which is asked to end it. The task run that stands
    for a subflow shows the states of the subflow.
    """
    subflows: Counter[str] = Counter()
    while some := await fulfil(database, settings, _SUBFLOWS):
        subflows += some
    task_runs = await fulfil(database, settings, _TASK_RUNS)
    return CancellationCleanup(task_runs[CANCELLED], subflows[CANCELLED], subflows[CANCELLING])


_parent = flow_run.alias("parent")
_child = flow_run.alias("child")


def _is_open(run: FromClause) -> ColumnElement[bool]:
    return run.c.state_type.in_(_OPEN)


def _subflows(now: int, settings: Settings) -> Select[Any]:
    cancelled = (
        exists()
        .select_from(task_run.join(_parent, _parent.c.id == task_run.c.flow_run_id))
        .where(task_run.c.id == flow_run.c.parent_task_run_id)
        .where(_parent.c.state_type == CANCELLED)
    )
    return (
        select(flow_run.c.id)
        .where(flow_run.c.parent_task_run_id.is_not(None), _is_open(flow_run), cancelled)
        .where(or_(flow_run.c.deployment_id.is_(None), flow_run.c.state_type != CANCELLING))
    )


def _cancel_subflow(tx: Transaction, settings: Settings, id: str) -> Outcome:
    run, initial = load_flow_run(tx, id)
    type = CANCELLED if run["deployment_id"] is None else CANCELLING
    state = State(type, default_name(type), tx.now(), _MESSAGE)
    return change_flow_run(tx, settings, run, initial, state, FLOW_MINIMAL)


def _task_runs(now: int, settings: Settings) -> Select[Any]:
    cancelled = (
        exists()
        .where(flow_run.c.id == task_run.c.flow_run_id, flow_run.c.state_type == CANCELLED)
        .where(flow_run.c.end_time >= later(now, -_TASK_RUNS_FOR))
    )
    stands_for_another = exists().where(
        _child.c.parent_task_run_id == task_run.c.id, _is_open(_child)
    )
    return select(task_run.c.id).where(_is_open(task_run), cancelled, ~stands_for_another)


def _cancel_task_run(tx: Transaction, settings: Settings, id: str) -> Outcome:
    state = State(CANCELLED, "Cancelled", tx.now(), _MESSAGE)
    return set_task_run_state(tx, settings, id, state, force=True)


_SUBFLOWS = Duty(flow_run, _subflows, _cancel_subflow)
_TASK_RUNS = Duty(task_run, _task_runs, _cancel_task_run)
