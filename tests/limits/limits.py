"""Concurrency limits that tests make, and what has become of them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import delete, select, update

from ephemeral_server.database.tables import concurrency_limit
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.limits.leases import Lease, active_leases
from ephemeral_server.limits.store import Limit, read_limit
from tests.application import Application


class Limits:
    """Makes limits and looks at them.

    Args:
        application: where they are.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    def new(self, slots: int = 1, **columns: Any) -> str:
        """A limit; its id."""
        columns.setdefault("name", f"limit-{uuid4()}")
        return self.application.insert(concurrency_limit, slots=slots, **columns)

    def read(self, id: str) -> Limit:
        """The limit as it is now."""
        limit = self.application.read(read_limit, self.application.clock.now(), id)
        assert limit is not None
        return limit

    def taken(self, id: str) -> int:
        """How many slots of the limit are taken."""
        return self.read(id).active_slots

    def average(self, id: str) -> float:
        """For how many seconds a slot is taken."""
        return self.read(id).avg_slot_occupancy_seconds

    def leases(self, id: str) -> list[Lease]:
        """The leases on the limit that have not expired."""
        return self.application.read(active_leases, self.application.clock.now(), id)

    def column(self, id: str, name: str) -> Any:
        """What the table holds."""
        query = select(concurrency_limit.c[name]).where(concurrency_limit.c.id == id)
        return self.application.read(lambda connection: connection.execute(query).scalar_one())

    def change(self, id: str, **columns: Any) -> None:
        """Change the row."""
        statement = update(concurrency_limit).where(concurrency_limit.c.id == id).values(columns)

        def work(tx: Transaction) -> None:
            tx.connection.execute(statement)

        self.application.write(work)

    def delete(self, id: str) -> None:
        """Delete the row."""

        def work(tx: Transaction) -> None:
            tx.connection.execute(delete(concurrency_limit).where(concurrency_limit.c.id == id))

        self.application.write(work)
