"""What can be done with the logs of the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, or_, select

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.sorting import Order, ascending, descending
from ephemeral_server.database.tables import log
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.ids import new_ids
from ephemeral_server.logs.wire import LOG

ORDERS: Mapping[str, Order] = {
    "TIMESTAMP_ASC": ascending(log.c.timestamp, log.c.id),
    "TIMESTAMP_DESC": descending(log.c.timestamp, log.c.id),
}

_LOGS = select(*[log.c[key] for key in LOG.keys])


#: A log to keep: name, level, message, timestamp in microseconds since 1970 UTC, flow run id
#: and task run id as text.
NewLog = tuple[str, int, str, int, str | None, str | None]

# Logs come by the thousand, so they go to the drivers as they are.
_INTO = (
    "INSERT INTO log "
    "(id, created, updated, name, level, message, timestamp, flow_run_id, task_run_id)"
)
_POSTGRES_INSERT = (
    f"{_INTO} SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], "
    "$5::bigint[], $6::text[], $7::bigint[], $8::uuid[], $9::uuid[])"
)

#: Rows in one statement on SQLite. The driver lets go of the interpreter at each statement and,
#: while the server's loop is busy, waits to get it back; one row at a time takes three times as
#: long. Older builds of SQLite take 999 values.
_TOGETHER = 100


@lru_cache(maxsize=_TOGETHER)
def _sqlite_insert(rows: int) -> str:
    return f"{_INTO} VALUES {', '.join(['(?, ?, ?, ?, ?, ?, ?, ?, ?)'] * rows)}"


def create_logs(
    tx: Transaction,
    logs: Sequence[NewLog],
    publish: Callable[[Sequence[Sequence[Any]]], None] | None = None,
) -> None:
    """Keep the logs; their ids sort in the order given.

    Args:
        publish: called after the commit with the rows, as values in the order of `LOG`.
    """
    if not logs:
        return
    now = tx.now()
    rows = [(id, now, now, *log) for id, log in zip(new_ids(len(logs), now), logs, strict=True)]
    if tx.dialect == "sqlite":
        for at in range(0, len(rows), _TOGETHER):
            part = rows[at : at + _TOGETHER]
            values = tuple(chain.from_iterable(part))
            tx.connection.exec_driver_sql(_sqlite_insert(len(part)), values)
    else:
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        tx.connection.exec_driver_sql(_POSTGRES_INSERT, columns)
    if publish is not None:
        tx.after_commit(partial(publish, rows))


def list_logs(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> Sequence[Sequence[Any]]:
    """Logs as values in the order of the keys of `LOG`."""
    query = _LOGS.where(where).order_by(*order).limit(limit).offset(offset)
    return fetch_all(connection, query)


_PAGE = (
    select(
        log.c.timestamp, log.c.level, log.c.flow_run_id, log.c.task_run_id, log.c.message, log.c.id
    )
    .where(log.c.flow_run_id == bindparam("flow_run_id"))
    .order_by(log.c.timestamp, log.c.id)
    .limit(bindparam("limit"))
)
_NEXT_PAGE = _PAGE.where(log.c.timestamp >= bindparam("timestamp")).where(
    or_(log.c.timestamp > bindparam("timestamp"), log.c.id > bindparam("id"))
)


def read_log_page(
    connection: Connection, flow_run_id: str, after: tuple[int, str] | None, limit: int
) -> Sequence[Sequence[Any]]:
    """The next logs of a flow run by timestamp.

    Args:
        after: timestamp (microseconds since 1970 UTC) and id of the last log that was read.

    Returns:
        Timestamp, level, flow run id, task run id, message and id of each.
    """
    values: dict[str, Any] = {"flow_run_id": flow_run_id, "limit": limit}
    if after is None:
        return connection.execute(_PAGE, values).all()
    return connection.execute(_NEXT_PAGE, {**values, "timestamp": after[0], "id": after[1]}).all()


def delete_logs_of_flow_runs(connection: Connection, flow_runs: Select[tuple[str]]) -> None:
    """Delete the logs of flow runs, those of their task runs among them.

    Args:
        connection: in the transaction that deletes the runs.
        flow_runs: selects the ids of the runs, so it must come before they are gone.
    """
    connection.execute(delete(log).where(log.c.flow_run_id.in_(flow_runs)))


def delete_logs_of_task_run(connection: Connection, task_run_id: str) -> None:
    """Delete the logs of a task run."""
    connection.execute(delete(log).where(log.c.task_run_id == task_run_id))
