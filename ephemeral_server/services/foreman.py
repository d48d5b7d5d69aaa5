"""Says of workers, pools, deployments and queues that nothing was heard of them for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    exists,
    not_,
    or_,
    select,
    update,
)

from ephemeral_server.clock import later
from ephemeral_server.database import Database, Transaction
from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import deployment, work_pool, work_queue, worker
from ephemeral_server.deployments.events import emit_deployments_event
from ephemeral_server.settings import Settings
from ephemeral_server.work_pools.status import NOT_READY, OFFLINE, ONLINE, READY, enter_status
from ephemeral_server.work_queues.events import emit_queue_event
from ephemeral_server.workers.silence import silent

#: So many rows one transaction changes at most; other writers wait for it.
BATCH = 500

Clause = ColumnElement[bool]
Rows = Sequence[Mapping[Any, Any]]


@dataclass(frozen=True, slots=True)
class Foreman:
    """What one pass did.

    Attributes:
        workers: how many are offline now.
        work_pools: how many are not ready any more, since none of their workers is online.
        deployments: how many are not ready any more, since nobody asks for their runs.
        work_queues: how many likewise.
    """

    workers: int = 0
    work_pools: int = 0
    deployments: int = 0
    work_queues: int = 0


async def run_once(database: Database, settings: Settings) -> Foreman:
    """Let those be offline, or not ready, that gave no sign of life within their time."""
    return Foreman(
        workers=await _do(database, settings, _WORKERS),
        work_pools=await _do(database, settings, _POOLS),
        deployments=await _do(database, settings, _DEPLOYMENTS),
        work_queues=await _do(database, settings, _QUEUES),
    )


class _Step(NamedTuple):
    """Something that is looked for, and what is done to it.

    Attributes:
        which: the rows that it is done to, at an instant.
        change: does it to rows that nobody else changes until the commit.
    """

    table: Table
    which: Callable[[int, Settings], Clause]
    change: Callable[[Transaction, Rows], None]


async def _do(database: Database, settings: Settings, step: _Step) -> int:
    """Do a step to all rows; how many there were."""
    done = 0
    # Mostly there is none, and so nothing to write.
    if await database.read(_is_any, step.table, step.which(database.now(), settings)):
        while some := await database.write(_change_some, settings, step):
            done += some
    return done


def _is_any(connection: Connection, table: Table, which: Clause) -> bool:
    return bool(connection.scalar(select(exists().select_from(table).where(which))))


def _change_some(tx: Transaction, settings: Settings, step: _Step) -> int:
    """A row that somebody works on just now, such as a poll, is left to the next pass."""
    query = select(step.table).where(step.which(tx.now(), settings)).order_by(step.table.c.id)
    locked = query.limit(BATCH).with_for_update(skip_locked=True, key_share=True)
    rows = tx.connection.execute(locked).mappings().all()
    if rows:
        step.change(tx, rows)
    return len(rows)


def _unstaffed(now: int, settings: Settings) -> Clause:
    """Pools without a worker."""
    staffed = exists().where(worker.c.work_pool_id == work_pool.c.id, worker.c.status == ONLINE)
    return and_(work_pool.c.status == READY, not_(staffed))


def _unserved(now: int, settings: Settings) -> Clause:
    """Deployments that were not polled, neither by themselves nor with their queue."""
    since = later(now, -settings.deployment_poll_timeout_seconds)
    queue = exists().where(
        work_queue.c.id == deployment.c.work_queue_id, work_queue.c.last_polled >= since
    )
    return and_(deployment.c.status == READY, deployment.c.last_polled < since, not_(queue))


def _unpolled(now: int, settings: Settings) -> Clause:
    """Queues that were not polled."""
    polled = work_queue.c.last_polled
    since = later(now, -settings.work_queue_poll_timeout_seconds)
    return and_(work_queue.c.status == READY, or_(polled.is_(None), polled < since))


def _are_offline(tx: Transaction, rows: Rows) -> None:
    _set_status(tx, worker, rows, OFFLINE)


def _pools_are_not_ready(tx: Transaction, rows: Rows) -> None:
    for row in rows:
        enter_status(tx, row, NOT_READY)


def _deployments_are_not_ready(tx: Transaction, rows: Rows) -> None:
    _set_status(tx, deployment, rows, NOT_READY)
    emit_deployments_event(tx, "not-ready", [row["id"] for row in rows])


def _queues_are_not_ready(tx: Transaction, rows: Rows) -> None:
    _set_status(tx, work_queue, rows, NOT_READY)
    for row in rows:
        emit_queue_event(tx, "not-ready", row["id"])


def _set_status(tx: Transaction, table: Table, rows: Rows, status: str) -> None:
    """(``updated`` stays: nothing that a user has said is changed.)"""
    chosen = is_in(table.c.id, [row["id"] for row in rows], tx.dialect)
    tx.connection.execute(update(table).where(chosen).values(status=status))


_WORKERS = _Step(worker, silent, _are_offline)
_POOLS = _Step(work_pool, _unstaffed, _pools_are_not_ready)
_DEPLOYMENTS = _Step(deployment, _unserved, _deployments_are_not_ready)
_QUEUES = _Step(work_queue, _unpolled, _queues_are_not_ready)
