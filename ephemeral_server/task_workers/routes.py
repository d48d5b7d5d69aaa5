"""Routes of task workers."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ephemeral_server.clock import isoformat
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.runtime import runtime_of
from ephemeral_server.task_workers.schemas import TaskWorkerQuery, TaskWorkerResponse
from ephemeral_server.wire import dump

router = APIRouter(prefix="/task_workers", tags=["Task Workers"], route_class=DirectRoute)


@router.post("/filter", response_model=list[TaskWorkerResponse])
async def read_task_workers(request: Request, body: TaskWorkerQuery | None = None) -> Response:
    """The task workers that are connected to this process and serve one of the tasks."""
    wanted = body.task_worker_filter if body else None
    present = runtime_of(request).task_workers.present(wanted.task_keys if wanted else ())
    workers = [
        {"identifier": each.client_id, "task_keys": each.keys, "timestamp": isoformat(each.seen)}
        for each in present
    ]
    return JsonReply(dump(workers))
