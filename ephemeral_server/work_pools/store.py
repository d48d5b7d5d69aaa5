"""What can be done with the work pools of the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select

from ephemeral_server.database.tables import work_pool
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.work_pools.slots import SLOTS_OF_POOL

#: All columns of a pool, and its slots that are taken.
PoolRow = Mapping[Any, Any]

_C = work_pool.c
_POOLS = select(*_C, SLOTS_OF_POOL)
_BY_NAME = _POOLS.where(_C.name == bindparam("name"))
# Without keeping others from what only refers to the pool, such as a heartbeat of a worker.
_LOCK = select(work_pool).with_for_update(key_share=True)


def read_pool(connection: Connection, name: str) -> PoolRow | None:
    """The pool of this name, with all that its shape on the wire takes."""
    return connection.execute(_BY_NAME, {"name": name}).mappings().one_or_none()


def lock_pool(tx: Transaction, **which: str) -> PoolRow | None:
    """The row of a pool, which nobody else changes until the commit.

    Args:
        **which: its ``name`` or its ``id``.
    """
    query = _LOCK.filter_by(**which)
    return tx.connection.execute(query).mappings().one_or_none()
