"""A pool with queues and scheduled runs, polled as workers do."""

from __future__ import annotations

from typing import Any

import httpx
from sqlalchemy import Connection, Table, delete, select, update

from ephemeral_server.clock import isoformat, later
from ephemeral_server.database.tables import flow, flow_run, work_pool, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.ids import new_id
from tests.application import Application


class Pool:
    """A work pool whose runs are made by their places in time.

    Attributes:
        name: of the pool.
        queues: their ids by their names.
    """

    def __init__(self, application: Application, **given: Any) -> None:
        self.application = application
        self.id = application.insert(work_pool, **given)
        self.name = f"work_pool-{self.id}"
        self.queues: dict[str, str] = {}
        self._flow = application.insert(flow)
        self._names: dict[str, str] = {}

    def queue(self, name: str, **given: Any) -> str:
        """Make a queue; its id."""
        given = {"priority": len(self.queues) + 1, "work_pool_id": self.id, **given}
        id = self.queues[name] = self.application.insert(work_queue, name=name, **given)
        return id

    def run(self, queue: str, at: float = 0, name: str = "run", **given: Any) -> str:
        """Make a scheduled run in a queue; its id.

        Args:
            at: its time in seconds from now.
            name: by which `poll` knows it.
        """
        now = self.application.clock.now()
        id = self.application.insert(
            flow_run,
            **{
                "flow_id": self._flow,
                "work_queue_id": self.queues[queue],
                "state_type": "SCHEDULED",
                "state_name": "Scheduled",
                "state_id": new_id(now),
                "next_scheduled_start_time": later(now, at),
                "name": name,
                **given,
            },
        )
        return id

    def enter(self, id: str, type: str) -> None:
        """Let a run enter a state of this type, whatever the rules would say."""
        change(self.application, flow_run, id, state_type=type, state_id=new_id())

    def ask(self, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        """What a poll is answered."""
        path = f"/work_pools/{self.name}/get_scheduled_flow_runs"
        return self.application.post(path, body, headers=headers)

    def poll(self, headers: dict[str, str] | None = None, **body: Any) -> list[str]:
        """The names of the runs that a worker is given, which asks for some seconds ahead."""
        return self.look(headers, **{"scheduled_before": self.time(10), **body})

    def look(self, headers: dict[str, str] | None = None, **body: Any) -> list[str]:
        """The same for who does not say until when."""
        answer = self.ask(headers, **body)
        assert answer.status_code == 200, answer.text
        return [each["flow_run"]["name"] for each in answer.json()]

    def polls(self, **body: Any) -> list[str]:
        """The same when all that was given before has been forgotten by time."""
        self.application.clock.advance(60)
        return self.poll(**body)

    def time(self, seconds: float) -> str:
        """The time in some seconds, as text."""
        return isoformat(later(self.application.clock.now(), seconds))


def change(application: Application, table: Table, id: str, **values: Any) -> None:
    """Change columns of a row."""

    def work(tx: Transaction) -> None:
        tx.connection.execute(update(table).where(table.c.id == id).values(values))

    application.write(work)


def row(application: Application, table: Table, id: str) -> dict[str, Any]:
    """A row by its id."""

    def read(connection: Connection) -> dict[str, Any]:
        return dict(connection.execute(select(table).where(table.c.id == id)).mappings().one())

    return application.read(read)


def remove(application: Application, table: Table, id: str) -> None:
    """Delete a row."""

    def work(tx: Transaction) -> None:
        tx.connection.execute(delete(table).where(table.c.id == id))

    application.write(work)
