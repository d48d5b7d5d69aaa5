"""Routes that change many flow runs at once."""

from __future__ import annotations

import logging
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.flow_runs import store
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.http.body import QueryBody
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.orchestration.changes import Outcome, set_flow_run_state
from ephemeral_server.orchestration.policies import FLOW_CORE, FLOW_MINIMAL
from ephemeral_server.orchestration.schemas import OrchestrationResult, SetStateBody
from ephemeral_server.orchestration.wire import result_members
from ephemeral_server.runtime import Runtime, runtime_of
from ephemeral_server.wire import dump

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=DirectRoute)

#: Of the runs that fit, those with the largest ids are taken, at most this many.
BulkLimit = Annotated[int, Field(ge=1, le=50)]


class FlowRunBulkDelete(QueryBody):
    """Which flow runs to delete (without a filter: any), and how many at most."""

    flow_runs: FlowRunFilter | None = None
    limit: BulkLimit = 50


class FlowRunBulkDeleteResponse(BaseModel):
    """The ids of the flow runs that were deleted."""

    deleted: list[UUID] = Field(default_factory=list)


class FlowRunBulkSetState(SetStateBody):
    """Which flow runs (without a filter: any) are to enter a state, and how many at most."""

    flow_runs: FlowRunFilter | None = None
    limit: BulkLimit = 50


class FlowRunOrchestrationResult(OrchestrationResult):
    """What became of the state proposed to one flow run."""

    flow_run_id: UUID


class FlowRunBulkSetStateResponse(BaseModel):
    """What became of the state proposed to each flow run, the largest id first."""

    results: list[FlowRunOrchestrationResult] = Field(default_factory=list)


@router.post("/bulk_delete", response_model=FlowRunBulkDeleteResponse)
async def bulk_delete(request: Request, body: FlowRunBulkDelete | None = None) -> Response:
    """Delete flow runs that fit the filter with all that belongs to them, all or none."""
    database, body = runtime_of(request).database, body or FlowRunBulkDelete()
    where = store.own_where(body.flow_runs, database.dialect)
    ids = await database.write(store.delete_some_flow_runs, where, body.limit)
    return JsonReply(dump({"deleted": ids}))


@router.post("/bulk_set_state", response_model=FlowRunBulkSetStateResponse)
async def bulk_set_state(body: FlowRunBulkSetState, request: Request) -> Response:
    """Propose a state to the flow runs that fit the filter, to each by itself."""
    runtime = runtime_of(request)
    where = store.own_where(body.flow_runs, runtime.database.dialect)
    ids = await runtime.database.read(store.newest_ids, where, body.limit)
    results = [f'{{"flow_run_id":"{id}",{await _set_state(runtime, id, body)}}}' for id in ids]
    return JsonReply(f'{{"results":[{",".join(results)}]}}')


async def _set_state(runtime: Runtime, id: str, body: FlowRunBulkSetState) -> str:
    """Propose the state to one run; the members of the result as JSON.

    One transaction a run: others get their turn between, and a run that fails leaves the
    rest alone.
    """
    proposed = body.state.to_state(runtime.clock.now())  # anew: rules write into its details
    policy = FLOW_MINIMAL if body.force else FLOW_CORE
    try:
        outcome = await runtime.database.write(
            set_flow_run_state, runtime.settings, id, proposed, policy=policy
        )
    except DatabaseClosedError:
        raise
    except Exception as error:  # whatever it is, it is one run's and told as such
        logger.exception("The state of flow run %s was not changed", id)
        details: dict[str, Any] = {"type": "abort_details", "reason": str(error)}
        outcome = Outcome(None, False, "ABORT", details)
    return result_members(outcome)
