"""Fails paused flow runs that were not resumed in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select

from ephemeral_server.database import Database, Transaction
from ephemeral_server.database.tables import flow_run, flow_run_state
from ephemeral_server.orchestration.changes import Outcome, set_flow_run_state
from ephemeral_server.orchestration.policies import FLOW_MINIMAL
from ephemeral_server.orchestration.states import (
    FAILED,
    PAUSED,
    State,
    load_details,
    parse_instant,
)
from ephemeral_server.services.duties import Duty, fulfil
from ephemeral_server.settings import Settings


@dataclass(frozen=True, slots=True)
class PauseExpirations:
    """What one pass did.

    Attributes:
        failed: how many runs it let fail.
    """

    failed: int = 0


async def run_once(database: Database, settings: Settings) -> PauseExpirations:
    """Let every paused run fail whose time to be resumed is over; one without a time waits on."""
    done = await fulfil(database, settings, _EXPIRED)
    return PauseExpirations(done[FAILED])


def _which(now: int, settings: Settings) -> Select[Any]:
    """Every paused run that has a time, as `details_text` writes it."""
    return (
        select(flow_run.c.id, flow_run_state.c.state_details)
        .join(flow_run_state, flow_run_state.c.id == flow_run.c.state_id)
        .where(flow_run.c.state_type == PAUSED)
        .where(flow_run_state.c.state_details.not_like('%"pause_timeout":null%'))
    )


def _is_over(row: Row[Any], now: int) -> bool:
    # Not in SQL: PostgreSQL reads no JSON that has a NUL somewhere, and instants are text in it.
    timeout = load_details(row.state_details).get("pause_timeout")
    return timeout is not None and parse_instant(timeout) < now


def _fail(tx: Transaction, settings: Settings, id: str) -> Outcome:
    failed = State(FAILED, "Failed", tx.now(), "The flow was paused and never resumed.")
    return set_flow_run_state(tx, settings, id, failed, policy=FLOW_MINIMAL)


_EXPIRED = Duty(flow_run, _which, _fail, _is_over)
