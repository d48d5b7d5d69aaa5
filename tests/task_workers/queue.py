"""Deferred task runs in the queue of an application, claimed without any WebSocket."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from ephemeral_server.database.tables import task_run_delivery
from ephemeral_server.ids import new_id
from ephemeral_server.task_runs.wire import TASK_RUN
from ephemeral_server.task_workers import store
from tests.application import Application
from tests.orchestration.runs import Run, state

_ID = TASK_RUN.keys.index("id")


def deferred(type: str = "SCHEDULED", name: str | None = None, **details: Any) -> dict[str, Any]:
    """A state of a background task, as `Task.delay` proposes it."""
    return state(type, name, **{"deferred": True, **details})


class Queue:
    """The queue as one subscription sees it.

    Args:
        application: whose clock moves by a second with each run that is made.

    Attributes:
        key: of a task that is this test's own.
        claimer: the id of the subscription.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self.clock = application.clock
        self.key = f"bake-{uuid4()}"
        self.claimer = new_id()

    def another(self) -> Queue:
        """Another subscription to the same task."""
        queue = Queue(self.application)
        queue.key = self.key
        return queue

    def run(self, key: str | None = None, first: dict[str, Any] | None = None) -> Run:
        """A new task run, a deferred one unless its first state says otherwise."""
        body = {"task_key": key or self.key, "dynamic_key": str(uuid4())}
        reply = self.application.post("/task_runs/", {**body, "state": first or deferred()})
        assert reply.status_code == 201, reply.text
        self.clock.advance(1)
        return Run(self.application, "task_run", reply.json()["id"])

    def claim(self, *keys: str, done: str | None = None) -> str | None:
        """The id of the run that is claimed."""
        wanted = keys or (self.key,)
        row = self.application.write(store.claim_next, wanted, self.claimer, done)
        return None if row is None else row[_ID]

    def give_back(self, id: str) -> None:
        """Return a claimed run."""
        self.application.write(store.give_back, id, self.key, self.claimer)
        self.clock.advance(1)

    def drain(self) -> list[str]:
        """Claim and deliver every run; their ids in order."""
        ids: list[str] = []
        while (id := self.claim(done=ids[-1] if ids else None)) is not None:
            ids.append(id)
        return ids

    def rows(self) -> list[str]:
        """The runs in the queue, whether they are claimed, stale or free."""

        def read(connection: Connection) -> list[str]:
            query = select(task_run_delivery.c.task_run_id).where(
                task_run_delivery.c.task_key == self.key
            )
            return list(connection.scalars(query.order_by(task_run_delivery.c.enqueued)))

        return self.application.read(read)
