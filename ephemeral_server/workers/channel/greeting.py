"""What the database is asked for when a worker says hello, and with each of its heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, select

from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ConflictError
from ephemeral_server.work_pools.creation import is_reserved
from ephemeral_server.work_pools.schemas import WorkPoolCreate
from ephemeral_server.work_pools.store import PoolRow, make_pool, read_pool, update_pool
from ephemeral_server.workers.channel.ends import ChannelError, End
from ephemeral_server.workers.channel.frames import LONGEST_NAME, Hello
from ephemeral_server.workers.channel.outbox import Pool
from ephemeral_server.workers.store import record_heartbeat

Template = dict[str, Any]

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


def brings_template(connection: Connection, pool_name: str, hello: Hello) -> bool:
    """Whether a worker brings the job template of its pool, which is to be checked then."""
    if not hello.default_base_job_template:
        return False
    pool = read_pool(connection, pool_name)
    return hello.create_pool_if_not_found if pool is None else _lacks_template(pool)


def greet(tx: Transaction, pool_name: str, hello: Hello, template: Template) -> Greeting:
    """Let a worker serve a pool, which it may bring with it.

    Args:
        template: for a pool that is new or has none, if it is not empty.

    Raises:
        ChannelError: it may not; nothing has changed.
    """
    pool = read_pool(tx.connection, pool_name) or _bring_pool(tx, pool_name, hello, template)
    queues = _queues(tx, pool, hello.work_queue_names)
    if template and _lacks_template(pool):
        update_pool(tx, pool_name, {"base_job_template": template})
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


def _lacks_template(pool: PoolRow) -> bool:
    return bool(pool["base_job_template"] == "{}")


def _bring_pool(tx: Transaction, name: str, hello: Hello, template: Template) -> PoolRow:
    """Make the pool, unless somebody else is faster."""
    if not hello.create_pool_if_not_found or is_reserved(name) or len(name) > LONGEST_NAME:
        raise ChannelError(End.AUTHORIZATION_FAILED)
    try:
        WorkPoolCreate(name=name)
        return make_pool(tx, name, hello.worker_type, base_job_template=template, tell_status=False)
    except ValidationError:
        raise ChannelError(End.AUTHORIZATION_FAILED) from None
    except ConflictError:
        pool = read_pool(tx.connection, name)
        if pool is None:
            raise ChannelError(End.AUTHORIZATION_FAILED) from None
        return pool
