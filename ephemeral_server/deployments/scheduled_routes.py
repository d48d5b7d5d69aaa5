"""Routes of what deployments have scheduled: runners ask for it, users may add to it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from ephemeral_server.deployments import planning, polled
from ephemeral_server.deployments.scheduled import list_scheduled_runs
from ephemeral_server.deployments.upcoming import Window, calendar
from ephemeral_server.fields import IdText, Instant, Integer
from ephemeral_server.flow_runs.schemas import FlowRunResponse
from ephemeral_server.flow_runs.wire import FLOW_RUN
from ephemeral_server.http.body import QueryBody
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.parameters.aside import run_aside
from ephemeral_server.runtime import runtime_of

router = APIRouter(prefix="/deployments", tags=["Deployments"], route_class=DirectRoute)

Seconds = Annotated[float, Field(allow_inf_nan=False)]


class ScheduledRunsQuery(QueryBody):
    """Which scheduled runs a runner asks for."""

    deployment_ids: list[IdText]
    scheduled_before: Instant | None = None
    limit: Integer | None = None


class ScheduleBody(QueryBody):
    """For what time runs are to be planned, and how many; the settings tell what is not given."""

    start_time: Instant | None = None
    end_time: Instant | None = None
    min_time: Seconds | None = None
    min_runs: Integer | None = None
    max_runs: Integer | None = None


@router.post("/get_scheduled_flow_runs", response_model=list[FlowRunResponse])
async def get_scheduled_flow_runs(body: ScheduledRunsQuery, request: Request) -> Response:
    """The next scheduled runs of some deployments, which are served by who asks."""
    runtime = runtime_of(request)
    database, now = runtime.database, runtime.clock.now()
    limit = page_size(body.limit, runtime.settings.default_limit)
    served = polled.named(body.deployment_ids, database.dialect)

    def work(connection: Connection) -> tuple[Any, bool]:
        rows = list_scheduled_runs(connection, body.deployment_ids, body.scheduled_before, limit)
        return rows, polled.are_to_be_marked(connection, served, now)

    rows, to_be_marked = await database.read(work)
    if to_be_marked:
        await database.write(polled.mark_deployments_polled, served)
    return JsonReply(FLOW_RUN.render_all(rows, now))


@router.post("/{id:uuid}/schedule")
async def schedule(id: UUID, request: Request, body: ScheduleBody | None = None) -> Response:
    """Plan runs of a deployment for some time, past or to come, also while it is paused."""
    runtime, body = runtime_of(request), body or ScheduleBody()
    database = runtime.database
    window = Window.ahead(
        runtime.settings,
        runtime.clock.now() if body.start_time is None else body.start_time,
        body.end_time,
        min_seconds=body.min_time,
        min_runs=body.min_runs,
        max_runs=body.max_runs,
    )
    plans = None
    while plans is None:  # again if the schedules are changed meanwhile
        schedules = await database.read(planning.read_schedules, [str(id)])
        dates = await run_aside(calendar, [row.schedule for row in schedules], window)
        for row in schedules:
            if (problem := dates[row.schedule].problem) is not None:
                raise HTTPException(409, f"Schedule {row.id} gives no dates: {problem}")
        plans = await database.write(planning.plan_on_demand, str(id), dates)
    return JsonReply("null")
