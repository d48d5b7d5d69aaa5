"""Calls scheduled flow runs Late that have not begun in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, literal_column, select

from ephemeral_server.clock import later
from ephemeral_server.database import Database, Transaction
from ephemeral_server.database.tables import flow_run
from ephemeral_server.orchestration.changes import Outcome, change_flow_run
from ephemeral_server.orchestration.policies import FLOW_LATE
from ephemeral_server.orchestration.states import CANCELLED, SCHEDULED, scheduled
from ephemeral_server.orchestration.storage import load_flow_run
from ephemeral_server.services.duties import Duty, fulfil
from ephemeral_server.settings import Settings


@dataclass(frozen=True, slots=True)
class LateRuns:
    """What one pass did.

    Attributes:
        late: how many runs became late.
        cancelled: how many were cancelled, since they would find no slot of their deployment.
    """

    late: int = 0
    cancelled: int = 0


async def run_once(database: Database, settings: Settings) -> LateRuns:
    """Call every run late whose time has passed.

    Only runs that are named Scheduled: those that wait for a retry, for a slot or to be resumed
    have begun before.
    """
    done = await fulfil(database, settings, _LATE)
    return LateRuns(done[SCHEDULED], done[CANCELLED])


def _which(now: int, settings: Settings) -> Select[Any]:
    return select(flow_run.c.id).where(
        flow_run.c.state_type == SCHEDULED,
        # In the query's text, so that it is known to ask for what the index holds.
        flow_run.c.state_name == literal_column("'Scheduled'"),
        flow_run.c.next_scheduled_start_time <= later(now, -settings.late_runs_after_seconds),
    )


def _call_late(tx: Transaction, settings: Settings, id: str) -> Outcome:
    run, initial = load_flow_run(tx, id)
    late = scheduled(run["next_scheduled_start_time"], tx.now(), "Late")
    return change_flow_run(tx, settings, run, initial, late, FLOW_LATE)


_LATE = Duty(flow_run, _which, _call_late)
