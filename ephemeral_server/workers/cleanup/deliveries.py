"""Deliveries of cleanup messages: which worker gets which, and for how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Row, func, select, update

from ephemeral_server.clock import later
from ephemeral_server.database.tables import cleanup_message
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.settings import Settings
from ephemeral_server.workers.cleanup.queue import READY, RESERVED, UNRESERVED, WAITING, expire

#: How many messages one transaction gives out at most; other writers wait for it.
AT_ONCE = 100

_C = cleanup_message.c


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


def reserve(
    tx: Transaction, settings: Settings, pool_id: str, takers: Sequence[Taker]
) -> list[Delivery | None]:
    """The next message for each of some workers of a pool, `AT_ONCE` in all at most.

    The oldest message is given first: to a worker of its queue, or to any that can do with it;
    of several, to the first.

    Returns:
        In the order of `takers`: what each gets, None if it gets nothing.
    """
    expire(tx, settings, pool_id)
    has = _counts(tx, pool_id)
    found: list[Delivery | None] = [None] * len(takers)
    for _ in range(AT_ONCE):
        free = [
            place
            for place, taker in enumerate(takers)
            if found[place] is None and has[taker.consumer] < taker.most
        ]
        message = _oldest(tx, pool_id, [takers[place] for place in free])
        if message is None:
            break
        able = [place for place in free if message.kind in takers[place].kinds]
        near = [place for place in able if message.work_queue_id in takers[place].queue_ids]
        place = (near or able)[0]
        consumer = takers[place].consumer
        found[place] = _deliver(tx, settings, message, consumer)
        has[consumer] += 1
    return found


def withdraw(tx: Transaction, delivery: Delivery) -> None:
    """Undo a delivery that did not get to its worker."""
    statement = (
        update(cleanup_message)
        .where(_C.id == delivery.message_id, _C.reservation_token == delivery.token)
        .values(status=READY, delivery_count=_C.delivery_count - 1, **UNRESERVED)
        .returning(_C.work_pool_id)
    )
    for pool_id in tx.connection.scalars(statement).all():
        tx.notify(WAITING, pool_id)


def _counts(tx: Transaction, pool_id: str) -> Counter[str]:
    """How many messages of a pool each consumer has."""
    query = (
        select(_C.reserved_by, func.count())
        .where(_C.status == RESERVED, _C.work_pool_id == pool_id)
        .group_by(_C.reserved_by)
    )
    return Counter({row[0]: row[1] for row in tx.connection.execute(query)})


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
