"""Flow runs that are made from a deployment, on the wire."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, WithJsonSchema

from ephemeral_server.fields import STORABLE
from ephemeral_server.flow_runs.schemas import NewFlowRun

#: A queue of this name may have to be made; an empty one is none. The contract has no pattern.
_QueueName = Annotated[
    str,
    StringConstraints(pattern=r"^[^/%&><]*$"),
    STORABLE,
    WithJsonSchema({"type": "string"}),
]


class DeploymentFlowRunCreate(NewFlowRun):
    """A flow run to make from a deployment.

    Attributes:
        parameters: in place of the deployment's of the same names.
        enforce_parameter_schema: in place of what the deployment says, unless it is null.
        work_queue_name: a queue of the deployment's pool, in place of the deployment's.
    """

    enforce_parameter_schema: bool | None = None
    work_queue_name: _QueueName | None = None


class FlowRunCreateResult(BaseModel):
    """What became of one of many flow runs that were asked for."""

    flow_run_id: UUID | None = None
    status: Literal["CREATED", "FAILED"]
    error: str | None = None


class FlowRunBulkCreateResponse(BaseModel):
    """What became of each of them, in the order they were asked for."""

    results: list[FlowRunCreateResult] = Field(default_factory=list)
