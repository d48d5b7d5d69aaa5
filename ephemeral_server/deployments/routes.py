"""Routes of deployments."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.database.relations import deployments_where
from ephemeral_server.deployments import store
from ephemeral_server.deployments.changes import (
    pause_deployment,
    resume_deployment,
    update_deployment,
)
from ephemeral_server.deployments.checks import check_new, check_update
from ephemeral_server.deployments.creation import create_deployment
from ephemeral_server.deployments.query_schemas import (
    DeploymentBulkDelete,
    DeploymentBulkDeleted,
    DeploymentCount,
    DeploymentPage,
    DeploymentPageQuery,
    DeploymentQuery,
)
from ephemeral_server.deployments.queue_check import queues_for
from ephemeral_server.deployments.schemas import (
    DeploymentCreate,
    DeploymentResponse,
    DeploymentUpdate,
)
from ephemeral_server.deployments.wire import DEPLOYMENT
from ephemeral_server.fields import Storable
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import offset_of, page_of, page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import JsonReply, made, no_content
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump
from ephemeral_server.work_queues.schemas import WorkQueue
from ephemeral_server.work_queues.wire import WORK_QUEUE_ALONE

router = APIRouter(prefix="/deployments", tags=["Deployments"], route_class=DirectRoute)

NOT_FOUND = "Deployment not found"


@router.post("/", response_model=DeploymentResponse)
async def create(body: DeploymentCreate, request: Request) -> Response:
    """Make a deployment: 201, or 200 with the flow's deployment of that name, changed."""
    runtime = runtime_of(request)
    with refusals():
        await check_new(request, body)
        row, new = await runtime.database.write(create_deployment, body)
    return made(DEPLOYMENT.render(row, runtime.clock.now()), new=new)


@router.post("/count", response_model=int)
async def count_deployments(request: Request, body: DeploymentCount | None = None) -> Response:
    """How many deployments fit the filters."""
    database = runtime_of(request).database
    where = (body or DeploymentCount()).clause(database.dialect)
    return JsonReply(str(await database.read(store.count_deployments, where)))


@router.post("/filter", response_model=list[DeploymentResponse])
async def read_deployments(request: Request, body: DeploymentQuery | None = None) -> Response:
    """The deployments that fit the filters."""
    runtime, body = runtime_of(request), body or DeploymentQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where, order = body.clause(runtime.database.dialect), store.ORDERS[body.sort.value]
    rows = await runtime.database.read(store.list_deployments, where, order, limit, body.offset)
    return JsonReply(DEPLOYMENT.render_all(rows, runtime.clock.now()))


@router.post("/paginate", response_model=DeploymentPage)
async def paginate_deployments(
    request: Request, body: DeploymentPageQuery | None = None
) -> Response:
    """One page of the deployments that fit the filters, and how many there are."""
    runtime, body = runtime_of(request), body or DeploymentPageQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where, order = body.clause(runtime.database.dialect), store.ORDERS[body.sort.value]
    offset = offset_of(body.page, limit)
    rows, count = await runtime.database.read(
        store.page_of_deployments, where, order, limit, offset
    )
    results = DEPLOYMENT.render_all(rows, runtime.clock.now())
    return JsonReply(page_of(results, count=count, limit=limit, page=body.page))


@router.post("/bulk_delete", response_model=DeploymentBulkDeleted)
async def bulk_delete_deployments(
    request: Request, body: DeploymentBulkDelete | None = None
) -> Response:
    """Delete the first deployments by name that fit the filter, with their scheduled runs."""
    database, body = runtime_of(request).database, body or DeploymentBulkDelete()
    where = deployments_where(database.dialect, deployments=body.deployments)
    ids = await database.write(store.delete_deployments, where, body.limit)
    return JsonReply(dump({"deleted": ids}))


@router.get("/name/{flow_name}/{deployment_name}", response_model=DeploymentResponse)
async def read_deployment_by_name(
    flow_name: Storable, deployment_name: Storable, request: Request
) -> Response:
    """The deployment of exactly this name, of the flow of exactly this name."""
    runtime = runtime_of(request)
    row = await runtime.database.read(store.read_deployment_by_name, flow_name, deployment_name)
    return _found(row, runtime.clock.now())


@router.get("/{id:uuid}", response_model=DeploymentResponse)
async def read_deployment(id: UUID, request: Request) -> Response:
    """One deployment."""
    runtime = runtime_of(request)
    row = await runtime.database.read(store.read_deployment, str(id))
    return _found(row, runtime.clock.now())


@router.patch("/{id:uuid}", status_code=204, response_model=None)
async def update(id: UUID, body: DeploymentUpdate, request: Request) -> Response:
    """Change a deployment; each member that is given replaces the old value as a whole."""
    database = runtime_of(request).database
    with refusals():
        done = False
        while not done:  # again if somebody else has changed it between check and change
            fitted = await check_update(request, str(id), body)
            done = await database.write(update_deployment, str(id), body, fitted)
    return no_content()


@router.delete("/{id:uuid}", status_code=204, response_model=None)
async def delete_deployment(id: UUID, request: Request) -> Response:
    """Delete a deployment with its schedules and its runs that have not begun."""
    if not await runtime_of(request).database.write(store.delete_deployment, str(id)):
        raise HTTPException(404, NOT_FOUND)
    return no_content()


@router.post("/{id:uuid}/pause_deployment")
async def pause(id: UUID, request: Request) -> Response:
    """Stop planning runs, and delete those that are planned."""
    if not await runtime_of(request).database.write(pause_deployment, str(id)):
        raise HTTPException(404, NOT_FOUND)
    return JsonReply("null")


@router.post("/{id:uuid}/resume_deployment")
async def resume(id: UUID, request: Request) -> Response:
    """Plan runs again."""
    if not await runtime_of(request).database.write(resume_deployment, str(id)):
        raise HTTPException(404, NOT_FOUND)
    return JsonReply("null")


@router.get("/{id:uuid}/work_queue_check", response_model=list[WorkQueue])
async def check_work_queues(id: UUID, request: Request) -> Response:
    """The queues that take up what the deployment schedules."""
    rows = await runtime_of(request).database.read(queues_for, str(id))
    if rows is None:
        raise HTTPException(404, NOT_FOUND)
    return JsonReply(f"[{','.join(map(WORK_QUEUE_ALONE.render_row, rows))}]")


def _found(row: store.Row | None, now: int) -> Response:
    if row is None:
        raise HTTPException(404, NOT_FOUND)
    return JsonReply(DEPLOYMENT.render(row, now))
