"""Which statements a request runs on SQLite, and how SQLite finds their rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tests.application import Application


class Planned(NamedTuple):
    """A statement with its values, and the lines of its query plan, indented by two."""

    sql: str
    plan: list[str]


def plans_of(application: Application, path: str, body: Any) -> list[Planned]:
    """The plans of all that is read for a POST request.

    Args:
        application: on SQLite; its last reader is the one that the request will use.
        path: below ``/api``.
        body: JSON.

    Raises:
        AssertionError: the request is refused.
    """

    def ask() -> None:
        answer = application.post(path, body)
        assert answer.status_code == 200, answer.text

    return plans_during(application, ask)


def plans_during(
    application: Application, action: Callable[[], Any], *, writing: bool = False
) -> list[Planned]:
    """The plans of all that is read while something is done.

    Args:
        application: as for `plans_of`.
        action: does it.
        writing: what transactions read that write is meant as well.
    """
    statements: list[str] = []

    def trace(connection: Connection, on: bool) -> None:
        raw: Any = connection.connection.driver_connection
        raw.set_trace_callback(statements.append if on else None)

    def trace_all(on: bool) -> None:
        application.read(trace, on)
        if writing:
            application.write(lambda tx: trace(tx.connection, on))

    trace_all(True)
    try:
        action()
    finally:
        trace_all(False)
    reads = [sql for sql in statements if sql.startswith(("SELECT", "WITH"))]
    return [Planned(sql, application.read(_plan, sql)) for sql in dict.fromkeys(reads)]


def _plan(connection: Connection, sql: str) -> list[str]:
    raw: Any = connection.connection.driver_connection
    depths, lines = {0: -1}, []
    for id, parent, _, line in raw.execute(f"EXPLAIN QUERY PLAN {sql}"):
        depths[id] = depths[parent] + 1
        lines.append("  " * depths[id] + line)
    return lines
