"""The values of a run that pass with the time, in SQL; `wire` has the same in Python.

All are microseconds and never negative; the present instant is the parameter ``now``.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Table, and_, bindparam, case

from ephemeral_server.orchestration.states import RUNNING, TERMINAL

NOW = bindparam("now", type_=BigInteger)


def estimated_run_time(run: Table) -> ColumnElement[int]:
    """How long a run has been running in all, the present stretch included."""
    running = and_(run.c.state_type == RUNNING, run.c.state_timestamp < NOW)
    return run.c.total_run_time + case((running, NOW - run.c.state_timestamp), else_=0)


def estimated_lateness(run: Table) -> ColumnElement[int]:
    """How much later than expected a run began, or how long it is overdue."""
    start, expected, type_ = run.c.start_time, run.c.expected_start_time, run.c.state_type
    overdue = and_(start.is_(None), type_.not_in(sorted(TERMINAL)), expected < NOW)
    late: ColumnElement[Any] = case(
        (start > expected, start - expected), (overdue, NOW - expected), else_=0
    )
    return late
