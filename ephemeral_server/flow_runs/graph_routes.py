"""Routes of the graph of a flow run."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel

from ephemeral_server.clock import micros
from ephemeral_server.errors import ChangeRefusedError
from ephemeral_server.fields import UtcDatetime
from ephemeral_server.flow_runs.graph_store import read_dependencies, read_graph
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.orchestration.schemas import StateResponse
from ephemeral_server.orchestration.states import StateType
from ephemeral_server.runtime import runtime_of
from ephemeral_server.task_runs.schemas import TaskRunResult

router = APIRouter(
    prefix="/flow_runs", tags=["Flow Runs", "Flow Run Graph"], route_class=DirectRoute
)

_ALWAYS = datetime.min.replace(tzinfo=timezone.utc)


class DependencyResult(BaseModel):
    """A task run with what it needed."""

    id: UUID
    name: str
    upstream_dependencies: list[TaskRunResult]
    state: StateResponse | None
    expected_start_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    total_run_time: float | None
    estimated_run_time: float | None
    untrackable_result: bool


class GraphState(BaseModel):
    """A state that the flow run was in."""

    id: UUID
    timestamp: datetime
    type: StateType
    name: str


class GraphArtifact(BaseModel):
    """An artifact; only one of progress shows its data."""

    id: UUID
    created: datetime
    key: str | None
    type: str | None
    is_latest: bool
    data: Any | None


class Edge(BaseModel):
    """The other node."""

    id: UUID


class Node(BaseModel):
    """A task run, or the subflow run that it stands for."""

    kind: Literal["flow-run", "task-run"]
    id: UUID
    label: str
    state_type: StateType
    start_time: datetime
    end_time: datetime | None
    parents: list[Edge]
    children: list[Edge]
    encapsulating: list[Edge]
    artifacts: list[GraphArtifact]


class Graph(BaseModel):
    """The tasks and subflows of a flow run, and what needs what."""

    start_time: datetime | None
    end_time: datetime | None
    root_node_ids: list[UUID]
    nodes: list[tuple[UUID, Node]]
    artifacts: list[GraphArtifact]
    states: list[GraphState]


@router.get("/{id:uuid}/graph", response_model=list[DependencyResult])
async def read_flow_run_graph(id: UUID, request: Request) -> Response:
    """The task runs of a flow run, each with the task runs that it needed."""
    runtime = runtime_of(request)
    now = runtime.clock.now()
    return JsonReply(await runtime.database.read(read_dependencies, str(id), now))


@router.get("/{id:uuid}/graph-v2", response_model=Graph)
async def read_flow_run_graph_v2(
    id: UUID, request: Request, since: UtcDatetime = _ALWAYS
) -> Response:
    """The graph of a flow run, without what had ended before `since`."""
    runtime = runtime_of(request)
    try:
        graph = await runtime.database.read(read_graph, runtime.settings, str(id), micros(since))
    except ChangeRefusedError as error:
        raise HTTPException(400, str(error)) from None
    return JsonReply(graph)
