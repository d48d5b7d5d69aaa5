"""Cleanup messages in the queue of a pool, delivered without any WebSocket."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from ephemeral_server.database.tables import cleanup_message
from ephemeral_server.workers.cleanup import deliveries, queue
from ephemeral_server.workers.cleanup.deliveries import Delivery, Taker
from ephemeral_server.workers.cleanup.operations import Operation, Result, operate
from tests.workers.pools import Pool
from tests.workers.said import TIMEOUT

#: Seconds that a lease runs, and how often a message is delivered.
LEASE, MOST = 30, 3


def taker(
    name: str = "worker", *, queues: tuple[str, ...] = (), most: int = 1, kind: str = TIMEOUT
) -> Taker:
    """A worker that takes messages."""
    return Taker(name, frozenset({kind}), frozenset(queues), most)


class Queue:
    """The messages of one pool.

    Args:
        pool: whose clock moves by a second with each message that is put in.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.application = pool.application
        self.clock = pool.application.clock
        self._settings = pool.application.runtime.settings

    def put(
        self, target: str = "", *, key: str | None = None, kind: str = TIMEOUT, **given: Any
    ) -> bool:
        """Put in a message about something; whether it is new."""
        self.clock.advance(1)
        new: bool = self.application.write(
            queue.enqueue, self.pool.id, kind, {"about": target}, key=key or str(uuid4()), **given
        )
        return new

    def reserve(self, *takers: Taker) -> list[Delivery | None]:
        """What each of the workers gets."""
        given = self._settings, self.pool.id, takers
        return self.application.write(deliveries.reserve, *given)

    def take(self, by: Taker | None = None) -> Delivery:
        """What one worker gets."""
        [delivery] = self.reserve(by or taker())
        assert delivery is not None
        return delivery

    def subjects(self, *takers: Taker) -> list[str | None]:
        """What each of the workers gets, by what the messages are about."""
        return [None if each is None else subject(each) for each in self.reserve(*takers)]

    def is_empty(self) -> bool:
        """Whether nobody would get anything."""
        return self.reserve(taker(str(uuid4()), most=100)) == [None]

    def operate(self, operation: Operation, delivery: Delivery, token: str | None = None) -> Result:
        """Do something with a message that was delivered."""
        given = delivery.message_id, delivery.token if token is None else token
        write = self.application.write
        return write(operate, self._settings, self.pool.id, operation, *given, "no time")

    def withdraw(self, delivery: Delivery) -> None:
        """Undo a delivery."""
        self.application.write(deliveries.withdraw, delivery)

    def status(self, delivery: Delivery) -> str:
        """The status of a message in the table."""

        def read(connection: Connection) -> str:
            query = select(cleanup_message.c.status)
            found = query.where(cleanup_message.c.id == delivery.message_id)
            return str(connection.execute(found).scalar_one())

        return self.application.read(read)


def subject(delivery: Delivery) -> str:
    """What a message is about."""
    about: str = json.loads(delivery.target)["about"]
    return about
