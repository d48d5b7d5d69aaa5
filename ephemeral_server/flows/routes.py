"""Routes of flows."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.relations import flows_where
from ephemeral_server.database.tables import flow
from ephemeral_server.fields import Storable
from ephemeral_server.flows import store
from ephemeral_server.flows.schemas import (
    Flow,
    FlowBulkDelete,
    FlowBulkDeleted,
    FlowCount,
    FlowCreate,
    FlowPage,
    FlowPageQuery,
    FlowQuery,
    FlowUpdate,
)
from ephemeral_server.flows.wire import FLOW
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import offset_of, page_of, page_size
from ephemeral_server.http.reply import JsonReply, made, no_content
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump

router = APIRouter(prefix="/flows", tags=["Flows"], route_class=DirectRoute)

NOT_FOUND = "Flow not found"


@router.post("/", response_model=Flow)
async def create_flow(body: FlowCreate, request: Request) -> Response:
    """Make a flow: 201, or 200 with the flow of that name as it is."""
    database = runtime_of(request).database
    row, new = await database.write(store.create_flow, body.name, body.tags, body.labels)
    return made(FLOW.render_row(row), new=new)


@router.post("/count", response_model=int)
async def count_flows(request: Request, body: FlowCount | None = None) -> Response:
    """How many flows fit the filters."""
    database = runtime_of(request).database
    where = _where(body or FlowCount(), database.dialect)
    return JsonReply(str(await database.read(store.count_flows, where)))


@router.post("/filter", response_model=list[Flow])
async def read_flows(request: Request, body: FlowQuery | None = None) -> Response:
    """The flows that fit the filters."""
    runtime, body = runtime_of(request), body or FlowQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where, order = _where(body, runtime.database.dialect), store.ORDERS[body.sort.value]
    rows = await runtime.database.read(store.list_flows, where, order, limit, body.offset)
    return JsonReply(FLOW.render_all(rows))


@router.post("/paginate", response_model=FlowPage)
async def paginate_flows(request: Request, body: FlowPageQuery | None = None) -> Response:
    """One page of the flows that fit the filters, and how many there are."""
    runtime, body = runtime_of(request), body or FlowPageQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where, order = _where(body, runtime.database.dialect), store.ORDERS[body.sort.value]
    offset = offset_of(body.page, limit)
    rows, count = await runtime.database.read(store.page_of_flows, where, order, limit, offset)
    return JsonReply(page_of(FLOW.render_all(rows), count=count, limit=limit, page=body.page))


@router.post("/bulk_delete", response_model=FlowBulkDeleted)
async def bulk_delete_flows(request: Request, body: FlowBulkDelete | None = None) -> Response:
    """Delete the first flows by name that fit the filter, with all that belongs to them."""
    database, body = runtime_of(request).database, body or FlowBulkDelete()
    where = flows_where(database.dialect, flows=body.flows)
    ids = await database.write(store.delete_flows, where, body.limit)
    return JsonReply(dump({"deleted": ids}))


@router.get("/name/{name}", response_model=Flow)
async def read_flow_by_name(name: Storable, request: Request) -> Response:
    """The flow of exactly this name."""
    row = await runtime_of(request).database.read(store.read_flow_by_name, name)
    return _found(row)


@router.get("/{id:uuid}", response_model=Flow)
async def read_flow(id: UUID, request: Request) -> Response:
    """One flow."""
    return _found(await runtime_of(request).database.read(store.read_flow, str(id)))


@router.patch("/{id:uuid}", status_code=204, response_model=None)
async def update_flow(id: UUID, body: FlowUpdate, request: Request) -> Response:
    """Replace the tags of a flow."""
    tags = body.tags if "tags" in body.model_fields_set else None
    if not await runtime_of(request).database.write(store.update_flow, str(id), tags):
        raise HTTPException(404, NOT_FOUND)
    return no_content()


@router.delete("/{id:uuid}", status_code=204, response_model=None)
async def delete_flow(id: UUID, request: Request) -> Response:
    """Delete a flow with its deployments, its runs and their logs."""
    where = flow.c.id == str(id)
    if not await runtime_of(request).database.write(store.delete_flows, where, 1):
        raise HTTPException(404, NOT_FOUND)
    return no_content()


def _where(body: FlowCount, dialect: str) -> Clause:
    return flows_where(
        dialect,
        flows=body.flows,
        flow_runs=body.flow_runs,
        task_runs=body.task_runs,
        deployments=body.deployments,
        work_pools=body.work_pools,
    )


def _found(row: store.FlowRow | None) -> Response:
    if row is None:
        raise HTTPException(404, NOT_FOUND)
    return JsonReply(FLOW.render_row(row))
