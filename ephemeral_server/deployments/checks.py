"""Whether bodies about deployments are within the bounds that the settings give."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from ephemeral_server.deployments.schedule_schemas import (
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
)
from ephemeral_server.deployments.schemas import DeploymentCreate, DeploymentUpdate
from ephemeral_server.http.refusal import refused
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump


async def check_bounds(request: Request, body: DeploymentCreate | DeploymentUpdate) -> None:
    """Refuse schedules that plan too far ahead, and parameters that are too large.

    Raises:
        RequestValidationError: with all of the body.
    """
    schedules: Sequence[DeploymentScheduleCreate | DeploymentScheduleUpdate] = body.schedules
    for at, schedule in enumerate(schedules):
        await check_schedule(request, schedule, "schedules", at)
    largest = runtime_of(request).settings.max_parameter_size
    given = body.parameters
    if largest and given and (size := len(dump(given).encode())) > largest:
        raise refused(
            "parameters",
            f"Flow run parameters must be less than {largest:,} bytes when serialized "
            f"(got {size:,} bytes).",
            given,
            await request.json(),
        )


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
