"""What the database is asked for when a worker says hello, and with each of its heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import bindparam, select

from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ConflictError, ObjectNotFoundError
from ephemeral_server.work_pools.creation import is_reserved
from ephemeral_server.work_pools.schemas import WorkPoolCreate, WorkPoolUpdate
from ephemeral_server.work_pools.store import PoolRow, make_pool, read_pool, update_pool
from ephemeral_server.workers.channel.ends import ChannelError, End
from ephemeral_server.workers.channel.frames import LONGEST_NAME, Hello
from ephemeral_server.workers.channel.outbox import Pool
from ephemeral_server.workers.store import record_heartbeat

_C = work_queue.c
_QUEUES = (
    select(_C.id, _C.name)
    .where(_C.work_pool_id == bindparam("pool_id"))
    .order_by(*ascending(_C.priority, _C.id))
)


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a worker is told at the beginning.

    Attributes:
        queues: ids and names of those that it serves.
    """

    pool: Pool
    queues: Sequence[tuple[str, str]]


def greet(tx: Transaction, pool_name: str, hello: Hello) -> Greeting:
    """Let a worker serve a pool, which it may bring with it.

    Raises:
        ChannelError: it may not; nothing has changed.
    """
    pool = read_pool(tx.connection, pool_name) or _bring_pool(tx, pool_name, hello)
    queues = _queues(tx, pool, hello.work_queue_names)
    if hello.default_base_job_template and pool["base_job_template"] == "{}":
        _bring_template(tx, pool_name, hello.default_base_job_template)
    record_heartbeat(tx, pool, hello.worker_name, hello.heartbeat_interval_seconds)
    return Greeting(_read(tx, pool_name), queues)


def beat(tx: Transaction, known: Pool, worker_name: str, interval: int) -> Pool:
    """A worker lives; how its pool is now.

    Args:
        known: the pool as the worker knows it.
        interval: seconds until the next heartbeat.

    Raises:
        ChannelError: the pool was deleted.
    """
    row = read_pool(tx.connection, known.name)
    if row is None or row["id"] != known.id:
        raise ChannelError(End.AUTHORIZATION_FAILED)
    record_heartbeat(tx, row, worker_name, interval)
    return known if row["updated"] == known.updated else _read(tx, known.name)


def _read(tx: Transaction, pool_name: str) -> Pool:
    row = read_pool(tx.connection, pool_name)
    if row is None:  # deleted just now
        raise ChannelError(End.AUTHORIZATION_FAILED)
    return Pool.of(row)


def _queues(tx: Transaction, pool: PoolRow, names: Sequence[str]) -> list[tuple[str, str]]:
    """Those of a pool that are named, each once, or all by priority if none is."""
    rows = tx.connection.execute(_QUEUES, {"pool_id": pool["id"]})
    ids = {name: id for id, name in rows}
    try:
        return [(ids[name], name) for name in dict.fromkeys(names or ids)]
    except KeyError:
        raise ChannelError(End.AUTHORIZATION_FAILED) from None


def _bring_pool(tx: Transaction, name: str, hello: Hello) -> PoolRow:
    """Make the pool, unless somebody else is faster."""
    if not hello.create_pool_if_not_found or is_reserved(name) or len(name) > LONGEST_NAME:
        raise ChannelError(End.AUTHORIZATION_FAILED)
    template = hello.default_base_job_template
    try:
        wanted = WorkPoolCreate(name=name, type=hello.worker_type, base_job_template=template)
    except ValidationError as error:
        of_name = error.errors()[0]["loc"][:1] == ("name",)
        end = End.AUTHORIZATION_FAILED if of_name else End.PROTOCOL_ERROR
        raise ChannelError(end) from None
    try:
        given = {"base_job_template": wanted.base_job_template, "tell_status": False}
        return make_pool(tx, name, hello.worker_type, **given)
    except ConflictError:
        pool = read_pool(tx.connection, name)
        if pool is None:
            raise ChannelError(End.AUTHORIZATION_FAILED) from None
        return pool


def _bring_template(tx: Transaction, pool_name: str, template: dict[str, Any]) -> None:
    """Give a pool the template that it lacks."""
    try:
        changes = WorkPoolUpdate(base_job_template=template)
    except ValidationError:
        raise ChannelError(End.PROTOCOL_ERROR) from None
    try:
        update_pool(tx, pool_name, {"base_job_template": changes.base_job_template})
    except ObjectNotFoundError:  # deleted just now
        raise ChannelError(End.AUTHORIZATION_FAILED) from None
