"""What is checked of bodies about deployments before anything is written."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from ephemeral_server.deployments.changes import Fitted
from ephemeral_server.deployments.fitting import (
    check_change,
    check_new_parameters,
    check_new_variables,
    read_job,
    read_known,
)
from ephemeral_server.deployments.schedule_schemas import (
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
)
from ephemeral_server.deployments.schemas import DeploymentCreate, DeploymentUpdate
from ephemeral_server.http.refusal import refused
from ephemeral_server.parameters.aside import run_aside
from ephemeral_server.parameters.size import check_size
from ephemeral_server.runtime import runtime_of


async def check_new(request: Request, body: DeploymentCreate) -> None:
    """Refuse a deployment that is out of bounds or does not fit.

    Raises:
        RequestValidationError: its schedules or parameters are out of bounds, or its parameters
            do not fit its schema and it asks for that to be checked.
        ObjectNotFoundError, UnprocessableError: see `fitting`.
    """
    await _check_bounds(request, body)
    asked = "enforce_parameter_schema" in body.model_fields_set and body.enforce_parameter_schema
    if asked and body.parameter_openapi_schema:
        try:
            await run_aside(check_new_parameters, body)
        except ValueError as error:
            sent = await request.json()
            raise refused((), str(error), sent, sent) from None
    if body.job_variables and body.work_pool_name:
        runtime = runtime_of(request)
        job = await runtime.database.read(read_job, runtime.vault, body)
        if job is not None:
            await run_aside(check_new_variables, job)


async def check_update(request: Request, id: str, body: DeploymentUpdate) -> Fitted:
    """Refuse a change that is out of bounds or does not fit.

    Raises:
        RequestValidationError: its schedules or parameters are out of bounds.
        ObjectNotFoundError: there is no such deployment.
        ChangeRefusedError, ConflictError, UnprocessableError: see `fitting`.
    """
    await _check_bounds(request, body)
    runtime = runtime_of(request)
    known = await runtime.database.read(read_known, runtime.vault, id, body)
    return await run_aside(check_change, body, known)


async def _check_bounds(request: Request, body: DeploymentCreate | DeploymentUpdate) -> None:
    schedules: Sequence[DeploymentScheduleCreate | DeploymentScheduleUpdate] = body.schedules
    for at, schedule in enumerate(schedules):
        await check_schedule(request, schedule, "schedules", at)
    await check_size(request, body.parameters)


async def check_schedule(
    request: Request,
    schedule: DeploymentScheduleCreate | DeploymentScheduleUpdate,
    *place: str | int,
) -> None:
    """Refuse a schedule that plans too far ahead.

    Args:
        *place: where the schedule is in the body.

    Raises:
        RequestValidationError: with all of the body.
    """
    largest, wanted = runtime_of(request).settings.max_scheduled_runs, schedule.max_scheduled_runs
    if wanted is not None and wanted > largest:
        raise refused(
            (*place, "max_scheduled_runs"),
            f"`max_scheduled_runs` must be less than or equal to {largest}.",
            wanted,
            await request.json(),
        )
