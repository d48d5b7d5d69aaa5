"""The route that resumes a paused flow run."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.errors import ConflictError
from ephemeral_server.fields import JsonObject
from ephemeral_server.flow_runs import resuming
from ephemeral_server.http.body import QueryBody
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import made
from ephemeral_server.orchestration.schemas import OrchestrationResult
from ephemeral_server.orchestration.wire import result_json
from ephemeral_server.parameters.aside import run_aside
from ephemeral_server.runtime import runtime_of

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=DirectRoute)


class ResumeBody(QueryBody):
    """The input that a paused flow run waits for."""

    run_input: JsonObject | None = None


@router.post("/{id:uuid}/resume", response_model=OrchestrationResult)
async def resume_flow_run(id: UUID, request: Request, body: ResumeBody | None = None) -> Response:
    """Let a paused flow run go on: 201 if it entered a state, 200 if it stays as it is."""
    runtime = runtime_of(request)
    given = (body and body.run_input) or {}
    outcome = None
    while outcome is None:  # again if the run left its pause in the middle
        pause = await runtime.database.read(resuming.read_pause, str(id), given)
        response = None
        try:
            if pause.keyset is not None:
                # In a thread: see `resuming`.
                response = await run_aside(resuming.checked_input, pause, given)
        except resuming.InputRefusedError as error:
            outcome = await runtime.database.write(
                resuming.refuse_input, str(id), pause, str(error)
            )
            continue
        try:
            outcome = await runtime.database.write(
                resuming.resume, runtime.settings, str(id), pause, response
            )
        except ConflictError as error:
            raise HTTPException(409, str(error)) from None
    return made(result_json(outcome), new=outcome.is_new)
