"""What workers do with the cleanup messages that they were given."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from sqlalchemy import Row, select, update

from ephemeral_server.clock import later
from ephemeral_server.database.tables import cleanup_message
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.settings import Settings
from ephemeral_server.workers.cleanup.queue import (
    DEAD,
    DONE,
    READY,
    RESERVED,
    UNRESERVED,
    WAITING,
    end_delivery,
)

Operation = Literal["ack", "renew", "release"]

_C = cleanup_message.c


class Result(NamedTuple):
    """How an operation ended.

    Attributes:
        status: ``accepted``, or what kind of no.
        reason: of the no.
        lease_expires_at: of a renewed lease, microseconds since 1970 UTC.
    """

    status: str
    reason: str | None = None
    lease_expires_at: int | None = None


ACCEPTED = Result("accepted")
NOT_FOUND = Result("not_found", "message_not_found")
OTHER_POOL = Result("unauthorized", "work_pool_mismatch")
NOT_TAKING = Result("unauthorized", "cleanup_delivery_not_accepted")
NOT_RESERVED = Result("not_current", "no_active_reservation")
WRONG_TOKEN = Result("invalid_token", "reservation_token_mismatch")
EXPIRED = Result("expired", "lease_expired")
DIED = Result("dead_lettered", "max_delivery_attempts_reached")
FAILED = Result("error", "cleanup_queue_operation_failed")


def operate(
    tx: Transaction,
    settings: Settings,
    pool_id: str,
    operation: Operation,
    message_id: str,
    token: str,
    reason: str = "",
) -> Result:
    """Do what a worker of a pool wants to be done with a message.

    Args:
        operation: the message is done (``ack``), takes longer (``renew``), or is for somebody
            else (``release``).
        token: of the delivery that is meant.
        reason: for a release.
    """
    query = select(cleanup_message).where(_C.id == message_id).with_for_update()
    message = tx.connection.execute(query).first()
    if message is None or message.status in (DONE, DEAD):
        return NOT_FOUND
    if message.work_pool_id != pool_id:
        return OTHER_POOL
    if message.status == READY:
        return NOT_RESERVED
    assert message.status == RESERVED
    if message.reservation_token != token:
        return WRONG_TOKEN
    if message.lease_expires_at <= tx.now():
        alive = end_delivery(tx, settings, message, "its lease has expired")
        return EXPIRED if alive else DIED
    return _operate(tx, settings, operation, message, reason)


def _operate(
    tx: Transaction, settings: Settings, operation: Operation, message: Row[Any], reason: str
) -> Result:
    """The same for the delivery that is under way."""
    if operation == "release":
        return ACCEPTED if end_delivery(tx, settings, message, reason) else DIED
    statement = update(cleanup_message).where(_C.id == message.id)
    if operation == "ack":
        tx.connection.execute(statement.values(status=DONE, updated=tx.now(), **UNRESERVED))
        tx.notify(WAITING, message.work_pool_id)
        return ACCEPTED
    until = later(tx.now(), settings.cleanup_lease_seconds)
    tx.connection.execute(statement.values(lease_expires_at=until, updated=tx.now()))
    return Result("accepted", lease_expires_at=until)
