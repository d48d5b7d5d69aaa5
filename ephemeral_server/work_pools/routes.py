"""Routes of work pools."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy import true

from ephemeral_server.database.operators import Clause
from ephemeral_server.fields import Storable
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import offset_of, page_of, page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import CREATED, JsonReply, no_content
from ephemeral_server.http.versions import client_of
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import Shape
from ephemeral_server.work_pools import store
from ephemeral_server.work_pools.concurrency import queues_json, read_slots
from ephemeral_server.work_pools.creation import is_reserved
from ephemeral_server.work_pools.defaults import check_template_defaults
from ephemeral_server.work_pools.schemas import (
    ConcurrencyStatusQuery,
    WorkPoolConcurrencyStatus,
    WorkPoolCount,
    WorkPoolCreate,
    WorkPoolQuery,
    WorkPoolResponse,
    WorkPoolUpdate,
)
from ephemeral_server.work_pools.wire import WORK_POOL, WORK_POOL_OF_OLD

router = APIRouter(prefix="/work_pools", tags=["Work Pools"], route_class=DirectRoute)

RESERVED = "Work pools starting with 'Prefect' are reserved for internal use"


@router.post("/", response_model=WorkPoolResponse, status_code=CREATED)
async def create_work_pool(body: WorkPoolCreate, request: Request) -> Response:
    """Make a work pool with its default queue."""
    if is_reserved(body.name):
        raise HTTPException(403, f"{RESERVED}.")
    runtime = runtime_of(request)
    database = runtime.database
    with refusals():
        await check_template_defaults(database, runtime.vault, body.base_job_template)
        row = await database.write(store.make_pool, **body.model_dump(mode="json"))
    return JsonReply(_shape(request).render_row(row), CREATED)


@router.post("/count", response_model=int)
async def count_work_pools(request: Request, body: WorkPoolCount | None = None) -> Response:
    """How many work pools fit the filter."""
    database = runtime_of(request).database
    where = _where(body or WorkPoolCount(), database.dialect)
    return JsonReply(str(await database.read(store.count_pools, where)))


@router.post("/filter", response_model=list[WorkPoolResponse])
async def read_work_pools(request: Request, body: WorkPoolQuery | None = None) -> Response:
    """The work pools by name that fit the filter."""
    runtime, body = runtime_of(request), body or WorkPoolQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where = _where(body, runtime.database.dialect)
    rows = await runtime.database.read(store.list_pools, where, limit, body.offset)
    return JsonReply(_shape(request).render_all(rows))


@router.get("/{name}", response_model=WorkPoolResponse)
async def read_work_pool(name: Storable, request: Request) -> Response:
    """The work pool of exactly this name."""
    row = await runtime_of(request).database.read(store.read_pool, name)
    if row is None:
        raise HTTPException(404, f'Work pool "{name}" not found.')
    return JsonReply(_shape(request).render_row(row))


@router.patch("/{name}", status_code=204, response_model=None)
async def update_work_pool(name: Storable, body: WorkPoolUpdate, request: Request) -> Response:
    """Change a work pool; of those that are reserved only whether and how much they run."""
    if is_reserved(name) and body.model_fields_set - {"is_paused", "concurrency_limit"}:
        raise HTTPException(
            403, f"{RESERVED} and can only be updated to set concurrency limits or pause."
        )
    changes = body.model_dump(mode="json", include=body.model_fields_set)
    with refusals():
        await runtime_of(request).database.write(store.update_pool, name, changes)
    return no_content()


@router.delete("/{name}", status_code=204, response_model=None)
async def delete_work_pool(name: Storable, request: Request) -> Response:
    """Delete a work pool with its queues and workers."""
    if is_reserved(name):
        raise HTTPException(403, f"{RESERVED} and can not be deleted.")
    with refusals():
        await runtime_of(request).database.write(store.delete_pool, name)
    return no_content()


@router.post("/{name}/concurrency_status", response_model=WorkPoolConcurrencyStatus)
async def read_work_pool_concurrency_status(
    name: Storable, request: Request, body: ConcurrencyStatusQuery | None = None
) -> Response:
    """Which slots of a work pool are taken, and by which runs."""
    runtime, body = runtime_of(request), body or ConcurrencyStatusQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    offset = offset_of(body.page, limit)
    found = await runtime.database.read(read_slots, name, limit, offset, body.flow_run_limit)
    if found is None:
        raise HTTPException(404, f"Work pool '{name}' not found.")
    own = {"active_slots": found.taken, "concurrency_limit": found.limit}
    queues = queues_json(found.queues, runtime.clock.now())
    return JsonReply(
        page_of(queues, count=found.queue_count, limit=limit, page=body.page, name="queues", **own)
    )


def _where(body: WorkPoolCount, dialect: str) -> Clause:
    return body.work_pools.clause(dialect) if body.work_pools else true()


def _shape(request: Request) -> Shape:
    """How the client that asks wants a work pool."""
    return WORK_POOL if client_of(request).knows_result_storage else WORK_POOL_OF_OLD
