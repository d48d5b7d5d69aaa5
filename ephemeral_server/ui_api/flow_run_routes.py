"""What pages ask about flow runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, Field

from ephemeral_server.database.relations import flow_runs_where
from ephemeral_server.deployments.filters import DeploymentFilter
from ephemeral_server.fields import Offset
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.flow_runs.schemas import FlowRunSort
from ephemeral_server.flow_runs.store import ORDERS
from ephemeral_server.flows.schemas import FlowFilter
from ephemeral_server.http.body import QueryBody
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.orchestration.states import StateType
from ephemeral_server.runtime import runtime_of
from ephemeral_server.task_runs.filters import TaskRunFilter
from ephemeral_server.ui_api import store
from ephemeral_server.wire import dump
from ephemeral_server.work_pools.filters import WorkPoolFilter

router = APIRouter(prefix="/ui/flow_runs", tags=["Flow Runs", "UI"], route_class=DirectRoute)


class ShortFlowRunQuery(QueryBody):
    """Which flow runs, in which order, and which part of the list."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    deployments: DeploymentFilter | None = None
    work_pools: WorkPoolFilter | None = None
    sort: FlowRunSort = FlowRunSort.EXPECTED_START_TIME_DESC
    limit: Annotated[int, Field(ge=0, le=1000)] = 1000
    offset: Offset = 0


class SimpleFlowRun(BaseModel):
    """A flow run as a dot of a chart; duration and lateness are seconds."""

    id: UUID
    state_type: StateType
    timestamp: datetime
    duration: float
    lateness: float


@router.post("/history", response_model=list[SimpleFlowRun])
async def read_flow_run_history(
    request: Request, body: ShortFlowRunQuery | None = None
) -> Response:
    """Flow runs in short, up to a thousand."""
    runtime, body = runtime_of(request), body or ShortFlowRunQuery()
    where = flow_runs_where(
        runtime.database.dialect,
        flows=body.flows,
        flow_runs=body.flow_runs,
        task_runs=body.task_runs,
        deployments=body.deployments,
        work_pools=body.work_pools,
    )
    now, order = runtime.clock.now(), ORDERS[body.sort.value]
    runs = await runtime.database.read(
        store.short_flow_runs, where, order, body.limit, body.offset, now
    )
    return JsonReply(dump(runs))


@router.post("/count-task-runs", response_model=dict[UUID, int])
async def count_task_runs_by_flow_run(
    flow_run_ids: Annotated[list[UUID], Body(embed=True)], request: Request
) -> Response:
    """How many task runs each flow run has, without those that stand for subflows."""
    counts = await runtime_of(request).database.read(store.count_task_runs, flow_run_ids)
    return JsonReply(dump(counts))
