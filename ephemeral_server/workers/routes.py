"""Routes of the workers of work pools."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from sqlalchemy import true

from ephemeral_server.fields import Storable
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import JsonReply, no_content
from ephemeral_server.runtime import runtime_of
from ephemeral_server.workers import store
from ephemeral_server.workers.schemas import Heartbeat, WorkerQuery, WorkerResponse
from ephemeral_server.workers.silence import moment
from ephemeral_server.workers.wire import WORKER

router = APIRouter(
    prefix="/work_pools/{work_pool_name}/workers", tags=["Work Pools"], route_class=DirectRoute
)


@router.post("/heartbeat", status_code=204, response_model=None)
async def worker_heartbeat(
    work_pool_name: Storable, body: Annotated[Heartbeat, Body()], request: Request
) -> Response:
    """A worker of a work pool lives."""
    with refusals():
        await runtime_of(request).database.write(
            store.hear_of_worker, work_pool_name, body.name, body.heartbeat_interval_seconds
        )
    return no_content()


@router.post("/filter", response_model=list[WorkerResponse])
async def read_workers(
    work_pool_name: Storable, request: Request, body: WorkerQuery | None = None
) -> Response:
    """The workers of a work pool that fit the filter, those heard of last first."""
    runtime, body = runtime_of(request), body or WorkerQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where = body.workers.clause(runtime.database.dialect) if body.workers else true()
    at = moment(runtime.clock.now(), runtime.settings)
    with refusals():
        rows = await runtime.database.read(
            store.list_workers, work_pool_name, where, limit, body.offset, at
        )
    return JsonReply(WORKER.render_all(rows))


@router.delete("/{name}", status_code=204, response_model=None)
async def delete_worker(work_pool_name: Storable, name: Storable, request: Request) -> Response:
    """Forget a worker of a work pool."""
    with refusals():
        await runtime_of(request).database.write(store.delete_worker, work_pool_name, name)
    return no_content()
