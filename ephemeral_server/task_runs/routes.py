"""Routes of task runs."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import offset_of, page_of, page_size
from ephemeral_server.http.refusal import refused
from ephemeral_server.http.reply import JsonReply, made, no_content
from ephemeral_server.orchestration.changes import set_task_run_state
from ephemeral_server.orchestration.schemas import OrchestrationResult, SetStateBody
from ephemeral_server.orchestration.wire import result_json
from ephemeral_server.runtime import runtime_of
from ephemeral_server.task_runs import store
from ephemeral_server.task_runs.schemas import (
    TaskRun,
    TaskRunCount,
    TaskRunCreate,
    TaskRunPage,
    TaskRunPageQuery,
    TaskRunQuery,
    TaskRunUpdate,
)
from ephemeral_server.task_runs.wire import TASK_RUN, TASK_RUN_IN_PAGE, page_values

router = APIRouter(prefix="/task_runs", tags=["Task Runs"], route_class=DirectRoute)

#: Clients know both texts.
NOT_FOUND = "Task not found"
NOT_FOUND_TO_UPDATE = "Task run not found"


@router.post("/", response_model=TaskRun)
async def create_task_run(body: TaskRunCreate, request: Request) -> Response:
    """Make a task run: 201, or 200 with the run that has its keys."""
    runtime = runtime_of(request)
    longest = runtime.settings.max_cache_key_length
    if body.cache_key is not None and len(body.cache_key) > longest:
        reason = f"Cache key exceeded maximum allowed length of {longest} characters."
        raise refused("cache_key", reason, body.cache_key, await request.json())
    row, new = await runtime.database.write(store.create_task_run, runtime.settings, body)
    return made(TASK_RUN.render_row(row, runtime.clock.now()), new=new)


@router.post("/count", response_model=int)
async def count_task_runs(request: Request, body: TaskRunCount | None = None) -> Response:
    """How many task runs fit the filters."""
    database = runtime_of(request).database
    where = (body or TaskRunCount()).clause(database.dialect)
    return JsonReply(str(await database.read(store.count_task_runs, where)))


@router.post("/filter", response_model=list[TaskRun])
async def read_task_runs(request: Request, body: TaskRunQuery | None = None) -> Response:
    """The task runs that fit the filters."""
    runtime, body = runtime_of(request), body or TaskRunQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where, order = body.clause(runtime.database.dialect), store.ORDERS[body.sort.value]
    rows = await runtime.database.read(store.list_task_runs, where, order, limit, body.offset)
    return JsonReply(TASK_RUN.render_all(rows, runtime.clock.now()))


@router.post("/paginate", response_model=TaskRunPage)
async def paginate_task_runs(request: Request, body: TaskRunPageQuery | None = None) -> Response:
    """One page of the task runs that fit the filters, and how many there are."""
    runtime, body = runtime_of(request), body or TaskRunPageQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where, order = body.clause(runtime.database.dialect), store.ORDERS[body.sort.value]
    offset = offset_of(body.page, limit)
    rows, count = await runtime.database.read(store.page_of_task_runs, where, order, limit, offset)
    results = TASK_RUN_IN_PAGE.render_all(page_values(rows), runtime.clock.now())
    return JsonReply(page_of(results, count=count, limit=limit, page=body.page))


@router.get("/{id:uuid}", response_model=TaskRun)
async def read_task_run(id: UUID, request: Request) -> Response:
    """One task run."""
    runtime = runtime_of(request)
    row = await runtime.database.read(store.read_task_run, str(id))
    if row is None:
        raise HTTPException(404, NOT_FOUND)
    return JsonReply(TASK_RUN.render(row, runtime.clock.now()))


@router.patch("/{id:uuid}", status_code=204, response_model=None)
async def update_task_run(id: UUID, body: TaskRunUpdate, request: Request) -> Response:
    """Rename a task run."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    if not await runtime_of(request).database.write(store.rename_task_run, str(id), changes):
        raise HTTPException(404, NOT_FOUND_TO_UPDATE)
    return no_content()


@router.delete("/{id:uuid}", status_code=204, response_model=None)
async def delete_task_run(id: UUID, request: Request) -> Response:
    """Delete a task run with its states and logs."""
    if not await runtime_of(request).database.write(store.delete_task_run, str(id)):
        raise HTTPException(404, NOT_FOUND)
    return no_content()


@router.post("/{id:uuid}/set_state", response_model=OrchestrationResult)
async def set_state(id: UUID, body: SetStateBody, request: Request) -> Response:
    """Propose a state: 201 if one was entered, 200 if the run stays as it is."""
    runtime = runtime_of(request)
    outcome = await runtime.database.write(
        set_task_run_state,
        runtime.settings,
        str(id),
        body.state.to_state(runtime.clock.now()),
        force=body.force,
    )
    return made(result_json(outcome), new=outcome.is_new)
