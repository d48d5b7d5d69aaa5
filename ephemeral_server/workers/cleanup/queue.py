"""The queue of cleanup messages, in the database.

A message is delivered to one worker at a time, with a token, and for as long as its lease runs.
If the lease ends without an answer, or the worker gives the message back, the next worker gets
it, until it was delivered as often as it may be: then it is dead, and stays for people to find.
Servers that share a database share its queue.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection, Row, delete, select, update

from ephemeral_server.clock import later
from ephemeral_server.database.tables import cleanup_message
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.settings import Settings
from ephemeral_server.wire import dump

logger = logging.getLogger(__name__)

#: The topic of notices that a pool may have a message for a worker; the subject is its id.
WAITING = "cleanup messages"

READY, RESERVED, DONE, DEAD = "READY", "RESERVED", "DONE", "DEAD"

#: How many leases are ended at once, and messages forgotten.
BATCH = 100

#: The columns of a delivery, of a message that is on its way to nobody.
UNRESERVED: Mapping[str, None] = {
    "reservation_token": None,
    "reserved_by": None,
    "lease_expires_at": None,
}

_C = cleanup_message.c


def enqueue(
    tx: Transaction,
    pool_id: str,
    kind: str,
    target: dict[str, Any],
    *,
    key: str,
    work_queue_id: str | None = None,
) -> bool:
    """Put in a message for a worker of a pool; whether it is new.

    Args:
        target: what is to be cleaned up.
        key: a pool has one message of this idempotency key, also after it is done.
        work_queue_id: whose workers are to have it if there are any.
    """
    now = tx.now()
    row = {
        "id": str(uuid5(NAMESPACE_URL, f"{pool_id}:{key}")),
        "created": now,
        "updated": now,
        "work_pool_id": pool_id,
        "work_queue_id": work_queue_id,
        "kind": kind,
        "target": dump(target),
        "data": "{}",
        "idempotency_key": key,
        "status": READY,
        "delivery_count": 0,
        **UNRESERVED,
    }
    insert = insert_or_ignore(tx.dialect, cleanup_message, "work_pool_id", "idempotency_key")
    if not tx.connection.execute(insert, row).rowcount:
        return False
    tx.notify(WAITING, pool_id)
    return True


def expire(tx: Transaction, settings: Settings, pool_id: str | None = None) -> int:
    """End the deliveries whose lease is over, `BATCH` at most; how many there were.

    Args:
        pool_id: look at the messages of this pool only.
    """
    query = (
        select(cleanup_message)
        .where(_C.status == RESERVED, _C.lease_expires_at <= tx.now())
        .order_by(_C.lease_expires_at, _C.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    if pool_id is not None:
        query = query.where(_C.work_pool_id == pool_id)
    messages = tx.connection.execute(query).all()
    for message in messages:
        end_delivery(tx, settings, message, "its lease has expired")
    return len(messages)


def end_delivery(tx: Transaction, settings: Settings, message: Row[Any], why: str) -> bool:
    """Let another worker have a reserved message; False if it is dead now instead.

    Args:
        message: its row, which is locked.
        why: the delivery has come to nothing, for the log.
    """
    alive: bool = message.delivery_count < settings.cleanup_max_deliveries
    values = {"status": READY if alive else DEAD, "updated": tx.now(), **UNRESERVED}
    tx.connection.execute(update(cleanup_message).where(_C.id == message.id).values(values))
    if not alive:
        told = (message.kind, message.target, message.delivery_count, why)
        words = "Cleanup %s of %s was delivered %d times and is given up: %r"
        tx.after_commit(partial(logger.warning, words, *told))
    tx.notify(WAITING, message.work_pool_id)
    return alive


def forget(tx: Transaction, seconds: float) -> int:
    """Delete messages that were done at least so long ago, `BATCH` at most; how many."""
    before = later(tx.now(), -seconds)
    old = select(_C.id).where(_C.status == DONE, _C.updated <= before).limit(BATCH)
    ids = tx.connection.scalars(old.with_for_update(skip_locked=True)).all()
    tx.connection.execute(delete(cleanup_message).where(_C.id.in_(ids)))
    return len(ids)


def pools_with_messages(connection: Connection, now: int) -> set[str]:
    """The ids of pools that have a message that waits, or one whose lease is over."""
    over = (_C.status == RESERVED) & (_C.lease_expires_at <= now)
    query = select(_C.work_pool_id).where((_C.status == READY) | over).distinct()
    return set(connection.scalars(query))
