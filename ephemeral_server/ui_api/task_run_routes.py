"""What pages ask about task runs."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel

from ephemeral_server.clock import micros
from ephemeral_server.database.relations import task_runs_where
from ephemeral_server.deployments.filters import DeploymentFilter
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.flows.schemas import FlowFilter
from ephemeral_server.http.body import QueryBody
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.runtime import runtime_of
from ephemeral_server.task_runs.filters import TaskRunFilter
from ephemeral_server.task_runs.schemas import TaskRun
from ephemeral_server.task_runs.schemas import TaskRunCount as TaskRunCountQuery
from ephemeral_server.task_runs.store import read_task_run
from ephemeral_server.task_runs.wire import TASK_RUN
from ephemeral_server.ui_api import store
from ephemeral_server.wire import dump
from ephemeral_server.work_pools.filters import WorkPoolFilter, WorkQueueFilter

router = APIRouter(prefix="/ui/task_runs", tags=["Task Runs", "UI"], route_class=DirectRoute)


class DashboardQuery(QueryBody):
    """Which task runs; those that began since ``task_runs.start_time.after_``."""

    task_runs: TaskRunFilter
    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    deployments: DeploymentFilter | None = None
    work_pools: WorkPoolFilter | None = None
    work_queues: WorkQueueFilter | None = None


class CountByState(BaseModel):
    """How many runs are in a state of each type."""

    COMPLETED: int = 0
    PENDING: int = 0
    RUNNING: int = 0
    FAILED: int = 0
    CANCELLED: int = 0
    CRASHED: int = 0
    PAUSED: int = 0
    CANCELLING: int = 0
    SCHEDULED: int = 0


class UITaskRun(TaskRun):
    """A task run with the name of its flow run."""

    flow_run_name: str | None = None


@router.post("/dashboard/counts", response_model=list[dict[str, int]])
async def read_dashboard_task_run_counts(body: DashboardQuery, request: Request) -> Response:
    """How many task runs completed and failed, in 20 equal stretches of time."""
    started = body.task_runs.start_time
    if started is None or started.after_ is None:
        raise HTTPException(422, "task_runs.start_time.after_ is required")
    runtime = runtime_of(request)
    before = runtime.clock.now() if started.before_ is None else micros(started.before_)
    where = task_runs_where(
        runtime.database.dialect,
        flows=body.flows,
        flow_runs=body.flow_runs,
        # Only runs that have ended are counted, whatever states are asked for.
        task_runs=body.task_runs.model_copy(update={"state": None}),
        deployments=body.deployments,
        work_pools=body.work_pools,
        work_queues=body.work_queues,
    )
    counts = await runtime.database.read(
        store.dashboard_counts, where, micros(started.after_), before
    )
    return JsonReply(dump(counts))


@router.post("/count", response_model=CountByState)
async def read_task_run_counts_by_state(
    request: Request, body: TaskRunCountQuery | None = None
) -> Response:
    """How many task runs are in a state of each type."""
    database = runtime_of(request).database
    where = (body or TaskRunCountQuery()).clause(database.dialect)
    return JsonReply(dump(await database.read(store.count_task_runs_by_state, where)))


@router.get("/{id:uuid}", response_model=UITaskRun)
async def read_task_run_with_flow_run_name(id: UUID, request: Request) -> Response:
    """One task run, with the name of its flow run."""
    runtime = runtime_of(request)
    row = await runtime.database.read(read_task_run, str(id))
    if row is None:
        raise HTTPException(404, "Task not found")
    name = await runtime.database.read(store.name_of_flow_run, str(id))
    task_run = TASK_RUN.render(row, runtime.clock.now())
    return JsonReply(f'{task_run[:-1]},"flow_run_name":{dump(name)}}}')
