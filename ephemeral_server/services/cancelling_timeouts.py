"""Calls flow runs Cancelled that have been Cancelling for too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from ephemeral_server.clock import later
from ephemeral_server.database import Database, Transaction
from ephemeral_server.database.tables import flow_run
from ephemeral_server.orchestration.changes import Outcome, set_flow_run_state
from ephemeral_server.orchestration.states import CANCELLED, CANCELLING, State
from ephemeral_server.services.duties import Duty, fulfil
from ephemeral_server.settings import Settings
from ephemeral_server.workers.cleanup.teardown import tear_down

_MESSAGE = "Flow run cancellation timed out; marked this flow run as Cancelled."


@dataclass(frozen=True, slots=True)
class CancellingTimeouts:
    """What one pass did.

    Attributes:
        cancelled: how many runs it called cancelled.
    """

    cancelled: int = 0


async def run_once(database: Database, settings: Settings) -> CancellingTimeouts:
    """Give up on every run that nobody has ended within the time for that.

    The workers of its pool are asked to tear down what may be left of it.
    """
    done = await fulfil(database, settings, _OVERDUE)
    return CancellingTimeouts(done[CANCELLED])


def _which(now: int, settings: Settings) -> Select[Any]:
    return select(flow_run.c.id).where(
        flow_run.c.state_type == CANCELLING,
        flow_run.c.state_timestamp <= later(now, -settings.cancelling_timeout_seconds),
    )


def _give_up(tx: Transaction, settings: Settings, id: str) -> Outcome:
    state = State(CANCELLED, "Cancelled", tx.now(), _MESSAGE)
    outcome = set_flow_run_state(tx, settings, id, state)
    if outcome.is_new and outcome.state is not None and outcome.state.type == CANCELLED:
        tear_down(tx, id, outcome.state.id)
    return outcome


_OVERDUE = Duty(flow_run, _which, _give_up)
