"""Routes that make flow runs of a deployment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from ephemeral_server.deployments.run_schemas import (
    DeploymentFlowRunCreate,
    FlowRunBulkCreateResponse,
)
from ephemeral_server.deployments.run_source import Source, checked_parameters, read_source
from ephemeral_server.deployments.runs import Checked, Made, Refusal, create_run, create_runs
from ephemeral_server.flow_runs.schemas import FlowRunResponse
from ephemeral_server.flow_runs.wire import FLOW_RUN
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.provenance import created_by
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import JsonReply, made
from ephemeral_server.parameters.aside import run_aside
from ephemeral_server.parameters.checks import HydrationError, ParametersError
from ephemeral_server.parameters.size import check_size
from ephemeral_server.parameters.validation import InvalidSchemaError
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump
from ephemeral_server.work_pools.job_variables import JobVariablesError

router = APIRouter(prefix="/deployments", tags=["Deployments"], route_class=DirectRoute)

#: How many flow runs one request may ask for.
MOST = 100

_NOT_CREATED = "Error creating flow run: "
#: What is answered to runs that cannot be made: the status of one, and the words that go before
#: the reason for one and for each of many.
_REFUSED: dict[type[Exception], tuple[int, str, str]] = {
    HydrationError: (400, "Error hydrating flow run parameters: ", ""),
    ParametersError: (409, _NOT_CREATED, "Parameter validation failed: "),
    JobVariablesError: (422, _NOT_CREATED, _NOT_CREATED),
    InvalidSchemaError: (422, "", ""),
}
_REFUSALS = tuple(_REFUSED)

Creator = Annotated[dict[str, Any] | None, Depends(created_by)]


@router.post("/{id:uuid}/create_flow_run", response_model=FlowRunResponse)
async def create_flow_run_from_deployment(
    id: UUID, body: DeploymentFlowRunCreate, request: Request, creator: Creator
) -> Response:
    """Make a flow run of a deployment: 201, or 200 with the one that has its idempotency key."""
    runtime = runtime_of(request)
    settings, vault = runtime.settings, runtime.vault
    largest = settings.max_parameter_size
    await check_size(request, body.parameters)
    checked = None
    with refusals(), _checks_answered():
        while True:
            done = await runtime.database.write(
                create_run, settings, vault, str(id), body, checked, creator
            )
            if not isinstance(done, Source):
                break
            # In a thread: see `run_source`.
            parameters = await run_aside(checked_parameters, done, body, largest)
            checked = Checked(done.updated, [parameters])
    row, new = done
    return made(FLOW_RUN.render_row(row, runtime.clock.now()), new=new)


@router.post("/{id:uuid}/create_flow_run/bulk", response_model=FlowRunBulkCreateResponse)
async def bulk_create_flow_runs_from_deployment(
    id: UUID, body: list[DeploymentFlowRunCreate], request: Request, creator: Creator
) -> Response:
    """Make many flow runs of a deployment; one that cannot be made keeps none of the others."""
    runtime = runtime_of(request)
    database, settings = runtime.database, runtime.settings
    largest = settings.max_parameter_size
    if len(body) > MOST:
        raise HTTPException(400, f"Cannot create more than {MOST} flow runs at once.")
    for at, each in enumerate(body):
        await check_size(request, each.parameters, at)
    done = None
    with refusals():
        while done is None:  # again if the deployment was changed in the middle
            source = await database.read(read_source, runtime.vault, str(id), body)
            checked = await run_aside(_checked, source, body, largest)
            done = await database.write(create_runs, settings, str(id), body, checked, creator)
    return JsonReply(dump({"results": [_result(each) for each in done]}))


def _checked(source: Source, bodies: Sequence[DeploymentFlowRunCreate], largest: int) -> Checked:
    runs: list[str | Refusal] = []
    for body in bodies:
        try:
            runs.append(checked_parameters(source, body, largest))
        except _REFUSALS as error:
            runs.append(Refusal(f"{_REFUSED[type(error)][2]}{error}"))
    return Checked(source.updated, runs)


@contextmanager
def _checks_answered() -> Iterator[None]:
    """Answer why one run cannot be made."""
    try:
        yield
    except _REFUSALS as error:
        status, prefix, _ = _REFUSED[type(error)]
        raise HTTPException(status, f"{prefix}{error}") from None


def _result(done: Made | Refusal) -> dict[str, Any]:
    if isinstance(done, Refusal):
        return {"flow_run_id": None, "status": "FAILED", "error": done.reason}
    row, _ = done
    return {"flow_run_id": row["id"], "status": "CREATED", "error": None}
