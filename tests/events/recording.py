"""A recorder and what it wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ephemeral_server.database import Database
from ephemeral_server.database.tables import task_run, task_run_state
from ephemeral_server.events.recorder import TaskRunRecorder
from tests.events.support import NOON, ClientTaskRun, add_flow_run, opened, received, rows

Sent = dict[str, Any]


class Recording:
    """A recorder on a database that holds one flow run."""

    def __init__(self, database: Database, flow_run_id: str) -> None:
        self.database = database
        self.flow_run_id = flow_run_id
        self.recorder = TaskRunRecorder(database)

    def task_run(self, **told: Any) -> ClientTaskRun:
        return ClientTaskRun(self.flow_run_id, **told)

    async def record(self, *sent: Sent) -> None:
        """One batch."""
        self.recorder.offer([received(one) for one in sent])
        await self.recorder.drain()

    async def one_by_one(self, *sent: Sent) -> None:
        """A batch for each."""
        for one in sent:
            await self.record(one)

    async def runs(self) -> list[dict[str, Any]]:
        return await rows(self.database, task_run)

    async def run(self) -> dict[str, Any]:
        [row] = await self.runs()
        return row

    async def states(self) -> list[dict[str, Any]]:
        """All states, the oldest first."""
        found = await rows(self.database, task_run_state)
        return sorted(found, key=lambda row: (row["timestamp"], row["id"]))

    async def history(self) -> list[tuple[str, int]]:
        """Types and timestamps, these in microseconds after `NOON`."""
        return [(row["type"], row["timestamp"] - NOON) for row in await self.states()]


def recording(url: str, test: Callable[[Recording], Coroutine[Any, Any, None]]) -> None:
    """Run `test` with a recorder on the database at `url`."""

    async def run() -> None:
        async with opened(url) as database:
            it = Recording(database, await add_flow_run(database))
            await test(it)
            await it.recorder.stop()

    asyncio.run(run())
