"""Routes of the schedules of a deployment."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.deployments import single_schedules, store
from ephemeral_server.deployments.changes import NOT_FOUND
from ephemeral_server.deployments.checks import check_schedule
from ephemeral_server.deployments.schedule_schemas import (
    DeploymentSchedule,
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
)
from ephemeral_server.deployments.wire import SCHEDULE
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import JsonReply, no_content
from ephemeral_server.runtime import runtime_of

router = APIRouter(
    prefix="/deployments/{id:uuid}/schedules", tags=["Deployments"], route_class=DirectRoute
)


@router.get("", response_model=list[DeploymentSchedule])
async def read_schedules(id: UUID, request: Request) -> Response:
    """The schedules of a deployment, the one last changed first."""
    rows = await runtime_of(request).database.read(store.read_schedules, str(id))
    if rows is None:
        raise HTTPException(404, NOT_FOUND)
    return JsonReply(SCHEDULE.render_all(rows))


@router.post("", status_code=201, response_model=list[DeploymentSchedule])
async def create_schedules(
    id: UUID, body: list[DeploymentScheduleCreate], request: Request
) -> Response:
    """Add schedules to a deployment; they are answered in the order given."""
    for at, schedule in enumerate(body):
        await check_schedule(request, schedule, at)
    with refusals():
        rows = await runtime_of(request).database.write(
            single_schedules.create_schedules, str(id), body
        )
    return JsonReply(f"[{','.join(map(SCHEDULE.render_row, rows))}]", 201)


@router.patch("/{schedule_id:uuid}", status_code=204, response_model=None)
async def update_schedule(
    id: UUID, schedule_id: UUID, body: DeploymentScheduleUpdate, request: Request
) -> Response:
    """Change a schedule; a null changes nothing."""
    await check_schedule(request, body)
    with refusals():
        await runtime_of(request).database.write(
            single_schedules.update_schedule, str(id), str(schedule_id), body
        )
    return no_content()


@router.delete("/{schedule_id:uuid}", status_code=204, response_model=None)
async def delete_schedule(id: UUID, schedule_id: UUID, request: Request) -> Response:
    """Delete a schedule and the runs that it has planned and that have not begun."""
    with refusals():
        await runtime_of(request).database.write(
            single_schedules.delete_schedule, str(id), str(schedule_id)
        )
    return no_content()
