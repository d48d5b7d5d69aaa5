"""Keeps task runs as their clients' events tell them.

Clients create and move most task runs by themselves and report each state as an event;
without the recorder these runs would not exist for anybody else.
"""

from __future__ import annotations

from ephemeral_server.database import Database
from ephemeral_server.events.batching import BatchingConsumer, Refused
from ephemeral_server.events.model import Event
from ephemeral_server.events.task_run_changes import (
    NAME_PREFIX,
    TaskRunChange,
    UnusableEventError,
    read_change,
)
from ephemeral_server.events.task_run_store import record_changes


class TaskRunRecorder(BatchingConsumer):
    """Keeps the tables ``task_run`` and ``task_run_state``.

    An event whose flow run is unknown is tried again: it may be faster than the flow run.

    Args:
        database: open for as long as events are offered.
    """

    def __init__(self, database: Database) -> None:
        super().__init__("Task run recorder", self._record, size=200, linger=0.02)
        self._database = database

    def wants(self, event: Event) -> bool:
        return (
            event.event.startswith(NAME_PREFIX)
            and event.resource.get("prefect.orchestration") == "client"
        )

    async def _record(self, events: list[Event]) -> list[Refused]:
        changes: list[TaskRunChange] = []
        refused: list[Refused] = []
        for event in events:
            try:
                changes.append(read_change(event))
            except UnusableEventError as error:
                refused.append(Refused(event, str(error), final=True))
        if changes:
            refused += await self._database.write(record_changes, changes)
        return refused
