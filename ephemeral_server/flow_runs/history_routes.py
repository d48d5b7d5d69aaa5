"""Routes that count flow runs over time."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ephemeral_server.database.relations import flow_runs_where
from ephemeral_server.database.tables import flow_run
from ephemeral_server.deployments.filters import DeploymentFilter
from ephemeral_server.flow_runs import store
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.flow_runs.schemas import FlowRunCount
from ephemeral_server.flows.schemas import FlowFilter
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.history import HistoryQuery, HistoryResponse
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.orchestration.history import read_history
from ephemeral_server.runtime import runtime_of
from ephemeral_server.task_runs.filters import TaskRunFilter
from ephemeral_server.wire import dump
from ephemeral_server.work_pools.filters import WorkPoolFilter, WorkQueueFilter

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=DirectRoute)


class FlowRunHistoryQuery(HistoryQuery):
    """Which flow runs, over which time."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    deployments: DeploymentFilter | None = None
    work_pools: WorkPoolFilter | None = None
    work_queues: WorkQueueFilter | None = None  # elsewhere it is called `work_pool_queues`


@router.post("/history", response_model=list[HistoryResponse])
async def flow_run_history(body: FlowRunHistoryQuery, request: Request) -> Response:
    """How many flow runs were expected in each stretch of time, by their state."""
    runtime, buckets = runtime_of(request), body.buckets()
    where = flow_runs_where(
        runtime.database.dialect,
        flows=body.flows,
        flow_runs=body.flow_runs,
        task_runs=body.task_runs,
        deployments=body.deployments,
        work_pools=body.work_pools,
        work_pool_queues=body.work_queues,
    )
    now = runtime.clock.now()
    return JsonReply(await runtime.database.read(read_history, flow_run, where, buckets, now))


@router.post("/lateness", response_model=float | None)
async def average_lateness(request: Request, body: FlowRunCount | None = None) -> Response:
    """How late the flow runs are on average, in seconds; null if there are none."""
    runtime, body = runtime_of(request), body or FlowRunCount()
    where = body.clause(runtime.database.dialect)
    late = await runtime.database.read(store.average_lateness, where, runtime.clock.now())
    return JsonReply(dump(late))
