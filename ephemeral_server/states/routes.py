"""The routes of flow-run states and of task-run states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request, Response
from sqlalchemy import Connection, Select, Table, bindparam

from ephemeral_server.database.tables import flow_run_state, task_run_state
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.orchestration.schemas import StateResponse
from ephemeral_server.orchestration.wire import STATE, select_states
from ephemeral_server.runtime import runtime_of


def _router(kind: str, table: Table) -> APIRouter:
    """The two routes over the states in `table`; `kind` is ``flow_run`` or ``task_run``."""
    title = kind.replace("_", " ").title()
    router = APIRouter(prefix=f"/{kind}_states", tags=[f"{title} States"], route_class=DirectRoute)
    owner = f"{kind}_id"
    by_id = select_states(table).where(table.c.id == bindparam("id"))
    of_run = select_states(table).where(table.c[owner] == bindparam("id"))
    of_run = of_run.order_by(table.c.timestamp, table.c.id)
    of_query: Any = Query(alias=owner)

    @router.get("/{id:uuid}", response_model=StateResponse, name=f"read_{kind}_state")
    async def read_state(id: UUID, request: Request) -> Response:
        """One state."""
        rows = await runtime_of(request).database.read(_read, by_id, str(id))
        if not rows:
            # The same text for task runs, which clients know.
            raise HTTPException(404, "Flow run state not found")
        return JsonReply(STATE.render(rows[0]))

    @router.get("/", response_model=list[StateResponse], name=f"read_{kind}_states")
    async def read_states(request: Request, run_id: UUID = of_query) -> Response:
        """All states of a run, the first one first; none for an unknown run."""
        rows = await runtime_of(request).database.read(_read, of_run, str(run_id))
        return JsonReply(STATE.render_all(rows))

    return router


def _read(connection: Connection, query: Select[Any], id: str) -> Sequence[Sequence[Any]]:
    return connection.execute(query, {"id": id}).all()


flow_run_states = _router("flow_run", flow_run_state)
task_run_states = _router("task_run", task_run_state)

router = APIRouter(route_class=DirectRoute)
router.include_router(flow_run_states)
router.include_router(task_run_states)
