"""Routes of the queues of work pools."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy import true

from ephemeral_server.fields import Storable
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import CREATED, JsonReply, no_content
from ephemeral_server.runtime import runtime_of
from ephemeral_server.work_queues import store
from ephemeral_server.work_queues.schemas import (
    WorkQueueCreate,
    WorkQueueQuery,
    WorkQueueResponse,
    WorkQueueUpdate,
)
from ephemeral_server.work_queues.wire import WORK_QUEUE

router = APIRouter(
    prefix="/work_pools/{work_pool_name}/queues", tags=["Work Pools"], route_class=DirectRoute
)


@router.post("", response_model=WorkQueueResponse, status_code=CREATED)
async def create_work_queue(
    work_pool_name: Storable, body: WorkQueueCreate, request: Request
) -> Response:
    """Make a queue in a work pool."""
    with refusals():
        row = await runtime_of(request).database.write(
            store.create_queue_in_pool, work_pool_name, **body.columns()
        )
    return JsonReply(WORK_QUEUE.render_row(row), CREATED)


@router.post("/filter", response_model=list[WorkQueueResponse])
async def read_work_queues(
    work_pool_name: Storable, request: Request, body: WorkQueueQuery | None = None
) -> Response:
    """The queues of a work pool that fit the filter, the most urgent ones first."""
    runtime, body = runtime_of(request), body or WorkQueueQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where = body.work_queues.clause(runtime.database.dialect) if body.work_queues else true()
    with refusals():
        rows = await runtime.database.read(
            store.list_queues, work_pool_name, where, limit, body.offset
        )
    return JsonReply(WORK_QUEUE.render_all(rows))


@router.get("/{name}", response_model=WorkQueueResponse)
async def read_work_queue(work_pool_name: Storable, name: Storable, request: Request) -> Response:
    """One queue of a work pool."""
    row = await runtime_of(request).database.read(store.read_queue, work_pool_name, name)
    if row is None:
        raise HTTPException(404, f"Work pool queue '{work_pool_name}/{name}' not found.")
    return JsonReply(WORK_QUEUE.render_row(row))


@router.patch("/{name}", status_code=204, response_model=None)
async def update_work_queue(
    work_pool_name: Storable, name: Storable, body: WorkQueueUpdate, request: Request
) -> Response:
    """Change a queue of a work pool; others move on if it takes their priority."""
    runtime = runtime_of(request)
    with refusals():
        await runtime.database.write(
            store.update_queue_in_pool,
            work_pool_name,
            name,
            body.columns(),
            polled_within=runtime.settings.work_queue_poll_timeout_seconds,
        )
    return no_content()


@router.delete("/{name}", status_code=204, response_model=None)
async def delete_work_queue(work_pool_name: Storable, name: Storable, request: Request) -> Response:
    """Delete a queue of a work pool, unless it is its default queue."""
    with refusals():
        await runtime_of(request).database.write(store.delete_queue_in_pool, work_pool_name, name)
    return no_content()
