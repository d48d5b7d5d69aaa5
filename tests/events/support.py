"""Events as clients send them, and a database to write them to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Table, insert, select

from ephemeral_server.clock import SECOND, ManualClock, isoformat
from ephemeral_server.database import Database, Transaction, open_database
from ephemeral_server.database.tables import flow, flow_run
from ephemeral_server.events.model import Event
from ephemeral_server.events.schemas import EventIn
from ephemeral_server.settings import Settings

T = TypeVar("T")

#: When the things in these tests happen, in microseconds since 1970 UTC.
NOON = 1_763_812_800 * SECOND


def an_event(**changes: Any) -> dict[str, Any]:
    """An event of a client as JSON values; a change to None leaves the member out."""
    event = {
        "id": str(uuid4()),
        "occurred": isoformat(NOON),
        "event": "cake.baked",
        "resource": {"prefect.resource.id": "bakery.cake.1"},
        **changes,
    }
    return {name: value for name, value in event.items() if value is not None}


class ClientTaskRun:
    """A task run that a client orchestrates, and the events that it reports it with.

    Args:
        flow_run_id: which flow run it belongs to.
        **told: of its ``payload.task_run``.
    """

    def __init__(self, flow_run_id: str | None = None, **told: Any) -> None:
        self.id = str(uuid4())
        self.flow_run_id = flow_run_id
        self.told: dict[str, Any] = {
            "name": "bake-7f2",
            "task_key": "bake-1a2b3c4d",
            "dynamic_key": str(uuid4()),
            "empirical_policy": {
                "max_retries": 0,
                "retry_delay_seconds": 0.0,
                "retries": 0,
                "retry_delay": 0,
            },
            "tags": ["oven"],
            "labels": {},
            "task_inputs": {"x": []},
            "run_count": 0,
            "flow_run_run_count": 1,
            "expected_start_time": isoformat(NOON),
            "total_run_time": 0.0,
            **told,
        }

    def entered(
        self, state_type: str, at: float = 0, name: str | None = None, **told: Any
    ) -> dict[str, Any]:
        """The event of its entering a state.

        Args:
            state_type: such as ``"RUNNING"``.
            at: seconds after `NOON`.
            name: of the state; that of its type if None.
            **told: changes to ``payload.task_run``; None leaves a member out.
        """
        name = name or state_type.capitalize()
        task_run = {key: value for key, value in {**self.told, **told}.items() if value is not None}
        related = []
        if self.flow_run_id is not None:
            related.append(
                {
                    "prefect.resource.id": f"prefect.flow-run.{self.flow_run_id}",
                    "prefect.resource.role": "flow-run",
                    "prefect.resource.name": "happy-baker",
                }
            )
        return an_event(
            event=f"prefect.task-run.{name}",
            occurred=isoformat(NOON + round(at * SECOND)),
            resource={
                "prefect.resource.id": f"prefect.task-run.{self.id}",
                "prefect.resource.name": self.told["name"],
                "prefect.run-count": str(task_run.get("run_count", 0)),
                "prefect.state-message": "",
                "prefect.state-name": name,
                "prefect.state-type": state_type,
                "prefect.orchestration": "client",
            },
            related=related,
            payload={
                "intended": {"from": None, "to": state_type},
                "initial_state": None,
                "validated_state": {
                    "type": state_type,
                    "name": name,
                    "message": "",
                    "state_details": {},
                    "data": None,
                },
                "task_run": task_run,
            },
        )


def received(sent: dict[str, Any], at: int = NOON) -> Event:
    """What the server makes of an event that a client sent."""
    return EventIn.model_validate(sent).to_event(at)


@asynccontextmanager
async def opened(
    url: str, publish: Callable[[list[Any]], None] = lambda events: None
) -> AsyncIterator[Database]:
    """A database with our tables."""
    settings = Settings(database_url=url, ephemeral=True)
    database = await open_database(settings, ManualClock(NOON), publish)
    try:
        yield database
    finally:
        await database.close()


async def rows(database: Database, table: Table) -> list[dict[str, Any]]:
    """All rows of `table`, by its primary key."""

    def read(connection: Connection) -> list[dict[str, Any]]:
        query = select(table).order_by(*table.primary_key)
        return [dict(row) for row in connection.execute(query).mappings()]

    return await database.read(read)


async def add_flow_run(database: Database, id: str | None = None) -> str:
    """A flow run of a flow of its own; its id."""
    id = id or str(uuid4())
    made = {"created": NOON, "updated": NOON, "tags": "[]", "labels": "{}"}
    run = {
        "id": id,
        "name": "happy-baker",
        "empirical_policy": "{}",
        "run_count": 0,
        "total_run_time": 0,
        "parameters": "{}",
        "context": "{}",
        "auto_scheduled": False,
        **made,
    }

    def write(tx: Transaction) -> None:
        flow_id = str(uuid4())
        tx.connection.execute(insert(flow), {"id": flow_id, "name": flow_id, **made})
        tx.connection.execute(insert(flow_run), {"flow_id": flow_id, **run})

    await database.write(write)
    return id
