"""Where workers get their runs."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ephemeral_server.clock import FIRST, LAST
from ephemeral_server.deployments.polled import mark_queues_polled
from ephemeral_server.fields import Storable
from ephemeral_server.http.asgi import header
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.runtime import runtime_of
from ephemeral_server.work_pools import polling
from ephemeral_server.work_pools.picking import Wanted
from ephemeral_server.work_pools.polling_schemas import ScheduledRunsQuery, WorkerFlowRunResponse
from ephemeral_server.work_pools.polling_wire import WORKER_FLOW_RUN

router = APIRouter(prefix="/work_pools", tags=["Work Pools"], route_class=DirectRoute)


@router.post("/{name}/get_scheduled_flow_runs", response_model=list[WorkerFlowRunResponse])
async def get_scheduled_flow_runs(
    name: Storable, request: Request, body: ScheduledRunsQuery | None = None
) -> Response:
    """The runs that a worker is to run next; for some seconds no other worker is given them.

    Workers say until when they want them. Who does not, such as the command line, means to see
    them, and keeps nobody from them.
    """
    runtime, body = runtime_of(request), body or ScheduledRunsQuery()
    database, now = runtime.database, runtime.clock.now()
    by_ui = header(request.scope, b"x-prefect-ui") == "true"
    wanted = Wanted(
        limit=page_size(body.limit, runtime.settings.default_limit),
        after=FIRST if body.scheduled_after is None else body.scheduled_after,
        before=LAST if body.scheduled_before is None else body.scheduled_before,
        claims=not by_ui
        and body.scheduled_before is not None
        and runtime.settings.claim_seconds > 0,
    )
    poll = polling.Poll(name, frozenset(body.work_queue_names), wanted)
    with refusals():
        found = await database.read(polling.look, poll, now)
        if found.run_ids and wanted.claims:
            rows = await database.write(polling.give, poll, runtime.settings.claim_seconds)
        else:
            rows = await database.read(polling.read_runs, found.run_ids) if found.run_ids else []
            if found.to_be_marked and not by_ui:
                await database.write(mark_queues_polled, found.queue_ids)
    return JsonReply(WORKER_FLOW_RUN.render_all(rows, now))
