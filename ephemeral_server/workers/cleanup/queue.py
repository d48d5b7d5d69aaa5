"""The queue of cleanup messages, in the database.

A message is delivered to one worker at a time, with a token, and for as long as its lease runs.
If the lease ends without an answer, or the worker gives the message back, the next worker gets
it, until it was delivered as often as it may be: then it is dead, and stays for people to find.
Servers that share a database share its queue.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from secrets import token_urlsafe
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection, Row, delete, func, select, update

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

_C = cleanup_message.c
_UNRESERVED = {"reservation_token": None, "reserved_by": None, "lease_expires_at": None}


@dataclass(frozen=True, slots=True)
class Taker:
    """A worker that takes messages.

    Attributes:
        consumer: who it is, also after it has connected again.
        kinds: of the messages it can do with.
        queue_ids: of the queues that it serves; it gets their messages before others do.
        most: how many messages it may have at a time.
    """

    consumer: str
    kinds: frozenset[str]
    queue_ids: frozenset[str]
    most: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way to a worker.

    Attributes:
        token: of this delivery.
        lease_expires_at: when it is void, microseconds since 1970 UTC.
        count: how often the message was delivered, this time included.
        target, data: JSON objects.
    """

    message_id: str
    token: str
    lease_expires_at: int
    count: int
    work_queue_id: str | None
    kind: str
    target: str
    data: str


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
        **_UNRESERVED,
    }
    insert = insert_or_ignore(tx.dialect, cleanup_message, "work_pool_id", "idempotency_key")
    if not tx.connection.execute(insert, row).rowcount:
        return False
    tx.notify(WAITING, pool_id)
    return True


def reserve(
    tx: Transaction, settings: Settings, pool_id: str, takers: Sequence[Taker]
) -> list[Delivery | None]:
    """The next message for each of some workers of a pool, at most one for each.

    The oldest message is given first: to a worker of its queue, or to any that can do with it;
    of several, to the first.

    Returns:
        In the order of `takers`: what each gets, None if it gets nothing.
    """
    expire(tx, settings, pool_id)
    has = _counts(tx, pool_id)
    found: list[Delivery | None] = [None] * len(takers)
    while True:
        free = [
            place
            for place, taker in enumerate(takers)
            if found[place] is None and has[taker.consumer] < taker.most
        ]
        message = _oldest(tx, pool_id, [takers[place] for place in free])
        if message is None:
            return found
        able = [place for place in free if message.kind in takers[place].kinds]
        near = [place for place in able if message.work_queue_id in takers[place].queue_ids]
        place = (near or able)[0]
        consumer = takers[place].consumer
        found[place] = _deliver(tx, settings, message, consumer)
        has[consumer] += 1


def withdraw(tx: Transaction, delivery: Delivery) -> None:
    """Undo a delivery that did not get to its worker."""
    statement = (
        update(cleanup_message)
        .where(_C.id == delivery.message_id, _C.reservation_token == delivery.token)
        .values(status=READY, delivery_count=_C.delivery_count - 1, **_UNRESERVED)
        .returning(_C.work_pool_id)
    )
    for pool_id in tx.connection.scalars(statement).all():
        tx.notify(WAITING, pool_id)


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
    values = {"status": READY if alive else DEAD, "updated": tx.now(), **_UNRESERVED}
    tx.connection.execute(update(cleanup_message).where(_C.id == message.id).values(values))
    if not alive:
        told = (message.kind, message.target, message.delivery_count, why)
        words = "Cleanup %s of %s was delivered %d times and is given up: %s"
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


def _counts(tx: Transaction, pool_id: str) -> Counter[str]:
    """How many messages of a pool each consumer has."""
    query = (
        select(_C.reserved_by, func.count())
        .where(_C.status == RESERVED, _C.work_pool_id == pool_id)
        .group_by(_C.reserved_by)
    )
    return Counter(dict(tx.connection.execute(query).tuples().all()))


def _oldest(tx: Transaction, pool_id: str, takers: Sequence[Taker]) -> Row[Any] | None:
    """The first message that one of these workers can do with; it is locked."""
    kinds = frozenset[str]().union(*(taker.kinds for taker in takers))
    if not kinds:
        return None
    query = (
        select(cleanup_message)
        .where(_C.status == READY, _C.work_pool_id == pool_id, _C.kind.in_(kinds))
        .order_by(_C.created, _C.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return tx.connection.execute(query).first()


def _deliver(tx: Transaction, settings: Settings, message: Row[Any], consumer: str) -> Delivery:
    now = tx.now()
    delivery = Delivery(
        message_id=message.id,
        token=token_urlsafe(32),
        lease_expires_at=later(now, settings.cleanup_lease_seconds),
        count=message.delivery_count + 1,
        work_queue_id=message.work_queue_id,
        kind=message.kind,
        target=message.target,
        data=message.data,
    )
    values = {
        "status": RESERVED,
        "updated": now,
        "delivery_count": delivery.count,
        "reservation_token": delivery.token,
        "reserved_by": consumer,
        "lease_expires_at": delivery.lease_expires_at,
    }
    tx.connection.execute(update(cleanup_message).where(_C.id == message.id).values(values))
    return delivery
