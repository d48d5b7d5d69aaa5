"""Routes of work queues for clients that know no pools."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from sqlalchemy import true

from ephemeral_server.clock import LAST, SECOND, isoformat
from ephemeral_server.deployments.polled import mark_queues_polled
from ephemeral_server.fields import Storable
from ephemeral_server.flow_runs.schemas import FlowRunResponse
from ephemeral_server.flow_runs.wire import FLOW_RUN
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import offset_of, page_of, page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import CREATED, JsonReply, no_content
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump
from ephemeral_server.work_pools.concurrency import SLOT_TAKER
from ephemeral_server.work_queues import legacy_store as store
from ephemeral_server.work_queues import waiting
from ephemeral_server.work_queues.legacy_schemas import (
    QueueRunsQuery,
    QueueSlotsQuery,
    WorkQueueConcurrencyStatus,
    WorkQueueStatusDetail,
)
from ephemeral_server.work_queues.schemas import (
    WorkQueueCreate,
    WorkQueueQuery,
    WorkQueueResponse,
    WorkQueueUpdate,
)
from ephemeral_server.work_queues.wire import WORK_QUEUE

router = APIRouter(prefix="/work_queues", tags=["Work Queues"], route_class=DirectRoute)


async def by_ui(x_prefect_ui: Annotated[bool | None, Header()] = False) -> bool:
    """Whether a page asks, not who would run what it gets."""
    return bool(x_prefect_ui)


@router.post("/", response_model=WorkQueueResponse, status_code=CREATED)
async def create_work_queue(body: WorkQueueCreate, request: Request) -> Response:
    """Make a queue in the pool for queues without one."""
    with refusals():
        row = await runtime_of(request).database.write(store.make_queue, **body.columns())
    return JsonReply(WORK_QUEUE.render_row(row), CREATED)


@router.post("/filter", response_model=list[WorkQueueResponse])
async def read_work_queues(request: Request, body: WorkQueueQuery | None = None) -> Response:
    """The queues of all pools that fit the filter, by name."""
    runtime, body = runtime_of(request), body or WorkQueueQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where = body.work_queues.clause(runtime.database.dialect) if body.work_queues else true()
    rows = await runtime.database.read(store.list_queues, where, limit, body.offset)
    return JsonReply(WORK_QUEUE.render_all(rows))


@router.get("/name/{name}", response_model=WorkQueueResponse)
async def read_work_queue_by_name(name: Storable, request: Request) -> Response:
    """The queue of this name."""
    with refusals():
        row = await runtime_of(request).database.read(store.read_queue_by_name, name)
    return JsonReply(WORK_QUEUE.render_row(row))


@router.get("/{id:uuid}", response_model=WorkQueueResponse)
async def read_work_queue(id: UUID, request: Request) -> Response:
    """One queue."""
    with refusals():
        row = await runtime_of(request).database.read(store.read_queue, str(id))
    return JsonReply(WORK_QUEUE.render_row(row))


@router.patch("/{id:uuid}", status_code=204, response_model=None)
async def update_work_queue(id: UUID, body: WorkQueueUpdate, request: Request) -> Response:
    """Change a queue; other queues stay as they are."""
    runtime = runtime_of(request)
    with refusals():
        await runtime.database.write(
            store.update_queue,
            str(id),
            body.columns(),
            polled_within=runtime.settings.work_queue_poll_timeout_seconds,
        )
    return no_content()


@router.delete("/{id:uuid}", status_code=204, response_model=None)
async def delete_work_queue(id: UUID, request: Request) -> Response:
    """Delete a queue, unless it is the default queue of its pool."""
    with refusals():
        await runtime_of(request).database.write(store.delete_queue, str(id))
    return no_content()


@router.post("/{id:uuid}/get_runs", response_model=list[FlowRunResponse])
async def read_work_queue_runs(
    id: UUID,
    request: Request,
    x_prefect_ui: Annotated[bool, Depends(by_ui)],
    body: QueueRunsQuery | None = None,
) -> Response:
    """The next runs that wait in a queue; who asks again is given them again."""
    runtime, body = runtime_of(request), body or QueueRunsQuery()
    database, now = runtime.database, runtime.clock.now()
    limit = page_size(body.limit, runtime.settings.default_limit)
    before = LAST if body.scheduled_before is None else body.scheduled_before
    found = await database.read(waiting.read_waiting, str(id), before, limit, now)
    if found.to_be_marked and not x_prefect_ui:
        await database.write(mark_queues_polled, [str(id)])
    return JsonReply(FLOW_RUN.render_all(found.runs, now))


@router.get("/{id:uuid}/status", response_model=WorkQueueStatusDetail)
async def read_work_queue_status(id: UUID, request: Request) -> Response:
    """Whether a queue is well served."""
    runtime = runtime_of(request)
    health = await runtime.database.read(waiting.read_health, str(id))
    polled, lately = health.last_polled, runtime.settings.work_queue_poll_timeout_seconds
    # A queue is well served without late runs, and if it was asked for some lately.
    policy = {"maximum_late_runs": 0, "maximum_seconds_since_last_polled": round(lately)}
    shown = {
        "healthy": health.late == 0
        and polled is not None
        and runtime.clock.now() - polled <= lately * SECOND,
        "late_runs_count": health.late,
        "last_polled": None if polled is None else isoformat(polled),
        "health_check_policy": policy,
    }
    return JsonReply(dump(shown))


@router.post("/{id:uuid}/concurrency_status", response_model=WorkQueueConcurrencyStatus)
async def read_work_queue_concurrency_status(
    id: UUID, request: Request, body: QueueSlotsQuery | None = None
) -> Response:
    """Which runs a queue is busy with."""
    runtime, body = runtime_of(request), body or QueueSlotsQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    with refusals():
        found = await runtime.database.read(
            waiting.read_busy, str(id), limit, offset_of(body.page, limit)
        )
    runs = SLOT_TAKER.render_all(found.runs, runtime.clock.now())
    own = {"active_slots": found.count, "concurrency_limit": found.limit}
    return JsonReply(
        page_of(runs, count=found.count, limit=limit, page=body.page, name="flow_runs", **own)
    )
