"""What pages ask about flows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel

from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.orchestration.states import StateType
from ephemeral_server.runtime import runtime_of
from ephemeral_server.ui_api import store
from ephemeral_server.wire import dump

router = APIRouter(prefix="/ui/flows", tags=["Flows", "UI"], route_class=DirectRoute)

FlowIds = Annotated[list[UUID], Body(embed=True)]


class SimpleNextFlowRun(BaseModel):
    """The run of a flow that comes next."""

    id: UUID
    flow_id: UUID
    name: str
    state_name: str
    state_type: StateType
    next_scheduled_start_time: datetime


@router.post("/count-deployments", response_model=dict[UUID, int])
async def count_deployments_by_flow(flow_ids: FlowIds, request: Request) -> Response:
    """How many deployments each flow has."""
    counts = await runtime_of(request).database.read(store.count_deployments, flow_ids)
    return JsonReply(dump(counts))


@router.post("/next-runs", response_model=dict[UUID, SimpleNextFlowRun | None])
async def next_runs_by_flow(flow_ids: FlowIds, request: Request) -> Response:
    """The run of each flow that comes next, or null."""
    return JsonReply(dump(await runtime_of(request).database.read(store.next_runs, flow_ids)))
