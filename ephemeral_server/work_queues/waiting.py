"""The runs of a work queue as clients know them that know no pools.

A run is in the queue that it names by its id. One that names none, since that was deleted or was
not there yet, is in every queue of the name that it has. A queue that has a filter, as clients
of long ago made them, holds what the filter finds instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, and_, func, select, union_all

from ephemeral_server.clock import FIRST
from ephemeral_server.database.operators import TAG_OPERATORS, On, is_in
from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.tables import flow_run, work_queue
from ephemeral_server.deployments.polled import are_queues_to_be_marked
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.flow_runs.wire import SELECT_FLOW_RUNS
from ephemeral_server.work_pools.concurrency import SLOT_TAKER
from ephemeral_server.work_pools.picking import WAITS
from ephemeral_server.work_pools.slots import BUSY, TAKES_SLOT

Rows = Sequence[Sequence[Any]]

_C = flow_run.c
_NEXT = (_C.next_scheduled_start_time, _C.id)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an agent finds in a queue.

    Attributes:
        runs: values in the order of the keys of `FLOW_RUN`.
        to_be_marked: whether the queue, or one of its deployments, is to be marked as polled.
    """

    runs: Rows
    to_be_marked: bool


@dataclass(frozen=True, slots=True)
class Health:
    """How a queue is served.

    Attributes:
        late: how many of its runs should have begun.
        last_polled: when it was last asked for runs, microseconds since 1970 UTC.
    """

    late: int
    last_polled: int | None


@dataclass(frozen=True, slots=True)
class Busy:
    """The runs that a queue is busy with.

    Attributes:
        limit: of the queue; None if it has none.
        count: how many runs.
        runs: some of them, as rows for `SLOT_TAKER`.
    """

    limit: int | None
    count: int
    runs: Rows


def read_waiting(connection: Connection, id: str, before: int, limit: int, now: int) -> Waiting:
    """The next runs that wait in a queue, as far as its limit goes; nobody is kept from them.

    Args:
        before: until when they are scheduled, microseconds since 1970 UTC.
        limit: how many at most.
        now: the present instant.

    Raises:
        ObjectNotFoundError: there is no such queue.
    """
    queue = _queue(connection, id, f"Work queue with id {id} not found.")
    due = are_queues_to_be_marked(connection, [id], now)
    if queue["is_paused"]:
        return Waiting([], due)
    where = _held(queue, connection.dialect.name)
    if queue["concurrency_limit"] is not None:
        busy = TAKES_SLOT if _filter(queue) else BUSY
        taken = _count(connection, _runs(where, busy))
        limit = max(0, min(limit, queue["concurrency_limit"] - taken))
    ids = _runs(where, WAITS, limit=limit)
    page = select(ids.c.id).order_by(ids.c.next_scheduled_start_time, ids.c.id).limit(limit)
    query = SELECT_FLOW_RUNS.where(_C.id.in_(page)).order_by(*_NEXT)
    window = {"after": FIRST, "before": before}
    return Waiting(fetch_all(connection, query.params(window)), due)


def read_health(connection: Connection, id: str) -> Health:
    """How a queue is served.

    Raises:
        ObjectNotFoundError: there is no such queue.
    """
    queue = _queue(connection, id, f"Work queue with id {id} not found")
    runs = _runs(_held(queue, connection.dialect.name), _C.state_name == "Late")
    return Health(_count(connection, runs), queue["last_polled"])


def read_busy(connection: Connection, id: str, limit: int, offset: int) -> Busy:
    """The runs that a queue is busy with, by their ids.

    Raises:
        ObjectNotFoundError: there is no such queue.
    """
    queue = _queue(connection, id, "Work queue not found.")
    runs = _runs(_named(queue), BUSY)
    page = select(runs.c.id).order_by(runs.c.id).limit(limit).offset(offset)
    query = select(*[_C[key] for key in SLOT_TAKER.keys]).where(_C.id.in_(page)).order_by(_C.id)
    count = _count(connection, runs)
    return Busy(queue["concurrency_limit"], count, fetch_all(connection, query))


def _queue(connection: Connection, id: str, missing: str) -> Mapping[Any, Any]:
    query = select(work_queue).where(work_queue.c.id == id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise ObjectNotFoundError(missing)
    return row


def _filter(queue: Mapping[Any, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(queue["filter"] or "null") or {}
    return found


def _held(queue: Mapping[Any, Any], dialect: str) -> list[ColumnElement[bool]]:
    """The conditions of which a run in the queue fits one."""
    wanted = _filter(queue)
    if not wanted:
        return _named(queue)
    fits: list[ColumnElement[bool]] = [_C.deployment_id.is_not(None)]
    if tags := wanted.get("tags"):
        fits.append(TAG_OPERATORS["all_"](On(_C.tags, listed=True), tags, dialect))
    if ids := wanted.get("deployment_ids"):
        fits.append(is_in(_C.deployment_id, ids, dialect))
    return [and_(*fits)]


def _named(queue: Mapping[Any, Any]) -> list[ColumnElement[bool]]:
    return [
        _C.work_queue_id == queue["id"],
        and_(_C.work_queue_id.is_(None), _C.work_queue_name == queue["name"]),
    ]


def _runs(where: list[ColumnElement[bool]], state: Any, limit: int | None = None) -> Subquery:
    """The runs of which one of the conditions is true, each by the index for it.

    Args:
        state: in which they are.
        limit: no more than the next so many that wait by each of the conditions.
    """
    parts = []
    for which in where:
        part = select(_C.id, _C.next_scheduled_start_time).where(which, state)
        if limit is not None:
            part = select(part.order_by(*_NEXT).limit(limit).subquery())
        parts.append(part)
    return union_all(*parts).subquery()


def _count(connection: Connection, runs: Subquery) -> int:
    return connection.execute(select(func.count()).select_from(runs)).scalar_one()
