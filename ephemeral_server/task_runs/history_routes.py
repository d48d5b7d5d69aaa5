"""The route that counts task runs over time."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ephemeral_server.database.tables import task_run
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.history import HistoryQuery, HistoryResponse
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.orchestration.history import read_history
from ephemeral_server.runtime import runtime_of
from ephemeral_server.task_runs.schemas import TaskRunCount

router = APIRouter(prefix="/task_runs", tags=["Task Runs"], route_class=DirectRoute)


class TaskRunHistoryQuery(HistoryQuery, TaskRunCount):
    """Which task runs, over which time."""


@router.post("/history", response_model=list[HistoryResponse])
async def task_run_history(body: TaskRunHistoryQuery, request: Request) -> Response:
    """How many task runs were expected in each stretch of time, by their state."""
    runtime, buckets = runtime_of(request), body.buckets()
    where = body.clause(runtime.database.dialect)
    now = runtime.clock.now()
    return JsonReply(await runtime.database.read(read_history, task_run, where, buckets, now))
