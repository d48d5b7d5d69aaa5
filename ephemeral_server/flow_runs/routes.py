"""Routes of flow runs."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, HTTPException, Request, Response

from ephemeral_server.database import counts
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.fields import Labels
from ephemeral_server.flow_runs import store
from ephemeral_server.flow_runs.creation import create_flow_run
from ephemeral_server.flow_runs.job_variables import read_job
from ephemeral_server.flow_runs.schemas import (
    FlowRunCount,
    FlowRunCreate,
    FlowRunPage,
    FlowRunPageQuery,
    FlowRunQuery,
    FlowRunResponse,
    FlowRunUpdate,
)
from ephemeral_server.flow_runs.wire import FLOW_RUN
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import offset_of, page_of, page_size
from ephemeral_server.http.provenance import created_by
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import JsonReply, made, no_content
from ephemeral_server.http.versions import client_of
from ephemeral_server.orchestration.changes import set_flow_run_state
from ephemeral_server.orchestration.policies import FLOW_CORE, FLOW_MINIMAL
from ephemeral_server.orchestration.schemas import OrchestrationResult, SetStateBody
from ephemeral_server.orchestration.wire import result_json
from ephemeral_server.parameters.aside import run_aside
from ephemeral_server.parameters.size import check_size
from ephemeral_server.runtime import Runtime, runtime_of
from ephemeral_server.work_pools.job_variables import JobVariablesError

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=DirectRoute)

NOT_FOUND = "Flow run not found"
Creator = Annotated[dict[str, Any] | None, Depends(created_by)]


@router.post("/", response_model=FlowRunResponse)
async def create(body: FlowRunCreate, request: Request, creator: Creator) -> Response:
    """Make a flow run: 201, or 200 with the run that has its idempotency key."""
    runtime = runtime_of(request)
    await check_size(request, body.parameters)
    try:
        row, new = await runtime.database.write(create_flow_run, runtime.settings, body, creator)
    except ObjectNotFoundError as error:
        raise HTTPException(404, str(error)) from None
    return made(FLOW_RUN.render_row(row, runtime.clock.now()), new=new)


@router.post("/count", response_model=int)
async def count_flow_runs(request: Request, body: FlowRunCount | None = None) -> Response:
    """How many flow runs fit the filters."""
    database = runtime_of(request).database
    where = (body or FlowRunCount()).clause(database.dialect)
    return JsonReply(str(await database.read(counts.count_flow_runs, where)))


@router.post("/filter", response_model=list[FlowRunResponse])
async def read_flow_runs(request: Request, body: FlowRunQuery | None = None) -> Response:
    """The flow runs that fit the filters."""
    runtime, body = runtime_of(request), body or FlowRunQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where, order = body.clause(runtime.database.dialect), store.ORDERS[body.sort.value]
    rows = await runtime.database.read(store.list_flow_runs, where, order, limit, body.offset)
    return JsonReply(FLOW_RUN.render_all(rows, runtime.clock.now()))


@router.post("/paginate", response_model=FlowRunPage)
async def paginate_flow_runs(request: Request, body: FlowRunPageQuery | None = None) -> Response:
    """One page of the flow runs that fit the filters, and how many there are."""
    runtime, body = runtime_of(request), body or FlowRunPageQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where, order = body.clause(runtime.database.dialect), store.ORDERS[body.sort.value]
    offset = offset_of(body.page, limit)
    rows, count = await runtime.database.read(store.page_of_flow_runs, where, order, limit, offset)
    results = FLOW_RUN.render_all(rows, runtime.clock.now())
    return JsonReply(page_of(results, count=count, limit=limit, page=body.page))


@router.get("/{id:uuid}", response_model=FlowRunResponse)
async def read_flow_run(id: UUID, request: Request) -> Response:
    """One flow run."""
    runtime = runtime_of(request)
    row = await runtime.database.read(store.read_flow_run, str(id))
    if row is None:
        raise HTTPException(404, NOT_FOUND)
    return JsonReply(FLOW_RUN.render(row, runtime.clock.now()))


@router.patch("/{id:uuid}", status_code=204, response_model=None)
async def update_flow_run(id: UUID, body: FlowRunUpdate, request: Request) -> Response:
    """Change a flow run; each member that is given replaces the old value as a whole."""
    runtime = runtime_of(request)
    await check_size(request, body.parameters)
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    if "empirical_policy" in changes:
        changes["empirical_policy"] = body.empirical_policy.model_dump(mode="json")
    with refusals():
        if body.job_variables is not None:
            await _check_job_variables(runtime, str(id), body.job_variables)
        found = await runtime.database.write(store.update_flow_run, str(id), changes)
    if not found:
        raise HTTPException(404, NOT_FOUND)
    return no_content()


@router.delete("/{id:uuid}", status_code=204, response_model=None)
async def delete_flow_run(id: UUID, request: Request) -> Response:
    """Delete a flow run with its task runs, states, inputs and logs."""
    if not await runtime_of(request).database.write(store.delete_flow_run, str(id)):
        raise HTTPException(404, NOT_FOUND)
    return no_content()


@router.post("/{id:uuid}/set_state", response_model=OrchestrationResult)
async def set_state(id: UUID, body: SetStateBody, request: Request) -> Response:
    """Propose a state: 201 if one was entered, 200 if the run stays as it is."""
    runtime = runtime_of(request)
    outcome = await runtime.database.write(
        set_flow_run_state,
        runtime.settings,
        str(id),
        body.state.to_state(runtime.clock.now()),
        policy=FLOW_MINIMAL if body.force else FLOW_CORE,
        asked_by=partial(client_of, request),
    )
    return made(result_json(outcome), new=outcome.is_new)


@router.patch("/{id:uuid}/labels", status_code=204, response_model=None)
async def update_labels(id: UUID, labels: Annotated[Labels, Body()], request: Request) -> Response:
    """Add labels to a flow run; those under the same keys are replaced."""
    await runtime_of(request).database.write(store.merge_labels, str(id), labels)
    return no_content()


async def _check_job_variables(runtime: Runtime, id: str, variables: dict[str, Any]) -> None:
    job = await runtime.database.read(read_job, runtime.vault, id)
    try:
        # In a thread: the schema is a user's and may take its time.
        await run_aside(job.check, variables)
    except JobVariablesError as error:
        raise HTTPException(422, f"Error updating flow run: {error}") from None
