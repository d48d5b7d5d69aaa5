"""The pool of the queues that clients know without a pool."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import work_pool
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ConflictError
from ephemeral_server.work_pools.creation import create_pool
from ephemeral_server.work_queues.creation import find_or_create_queue

NAME = "default-agent-pool"
TYPE = "prefect-agent"

_BY_NAME = Prepared(select(work_pool.c.id).where(work_pool.c.name == bindparam("name")))


class DefaultPool(NamedTuple):
    """The pool, and the id of its default queue if both have just been made."""

    id: str
    new_queue_id: str | None = None


def find_default_pool(connection: Connection) -> str | None:
    """The id of the pool, if it is there: it is made when it is first needed."""
    row = _BY_NAME.first(connection, {"name": NAME})
    return None if row is None else str(row[0])


def default_pool(tx: Transaction) -> DefaultPool:
    """The pool, which is made if it is not there."""
    id = find_default_pool(tx.connection)
    if id is not None:
        return DefaultPool(id)
    try:
        # Nobody waits for its status, which has no meaning without workers.
        pool = create_pool(tx, NAME, TYPE, tell_status=False)
    except ConflictError:  # somebody else made it meanwhile
        return default_pool(tx)
    return DefaultPool(pool["id"], pool["default_queue_id"])


def default_agent_queue(tx: Transaction, name: str) -> str:
    """The id of the pool's queue of this name; what is not there is made, as the most urgent."""
    return find_or_create_queue(tx, default_pool(tx).id, name, priority=1)
