"""Routes of what is sent to flow runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, HTTPException, Request, Response
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import PlainTextResponse

from ephemeral_server.errors import ConflictError, ObjectNotFoundError
from ephemeral_server.fields import LARGEST, Storable
from ephemeral_server.flow_runs import inputs
from ephemeral_server.flow_runs.inputs import INPUT
from ephemeral_server.http.body import QueryBody
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import CREATED, JsonReply, no_content
from ephemeral_server.runtime import runtime_of

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=DirectRoute)

NOT_FOUND = "Flow run input not found"

#: The key of an input, as clients check it themselves; PostgreSQL indexes no longer ones.
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]*$", max_length=2000)]


class FlowRunInputCreate(QueryBody):
    """A text for a flow run, mostly JSON."""

    key: Key
    value: Storable
    sender: Storable | None = None


class FlowRunInputQuery(QueryBody):
    """Which inputs of a flow run; keys in capitals are other keys."""

    prefix: Storable
    limit: Annotated[int, Field(ge=0, le=LARGEST)] = 1
    exclude_keys: list[Storable] = Field(default_factory=list)


class FlowRunInput(BaseModel):
    """An input of a flow run as it is answered."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    flow_run_id: UUID
    key: str
    value: str
    sender: str | None = None


@router.post("/{id:uuid}/input", status_code=CREATED, response_model=Any)
async def create_flow_run_input(
    id: UUID, body: Annotated[FlowRunInputCreate, Body()], request: Request
) -> Response:
    """Send a text to a flow run under a key of its own."""
    try:
        await runtime_of(request).database.write(
            inputs.create_input, str(id), body.key, body.value, body.sender
        )
    except ObjectNotFoundError as error:
        raise HTTPException(404, str(error)) from None
    except ConflictError as error:
        raise HTTPException(409, str(error)) from None
    return JsonReply("null", CREATED)


@router.post("/{id:uuid}/input/filter", response_model=list[FlowRunInput])
async def filter_flow_run_input(id: UUID, body: FlowRunInputQuery, request: Request) -> Response:
    """The inputs of a flow run whose keys begin with a prefix, in the order they came."""
    rows = await runtime_of(request).database.read(
        inputs.list_inputs, str(id), body.prefix, body.exclude_keys, body.limit
    )
    return JsonReply(INPUT.render_all(rows))


@router.get("/{id:uuid}/input/{key}", response_model=None, response_class=PlainTextResponse)
async def read_flow_run_input(id: UUID, key: Storable, request: Request) -> Response:
    """The text under a key, as it was sent."""
    value = await runtime_of(request).database.read(inputs.read_input, str(id), key)
    if value is None:
        raise HTTPException(404, NOT_FOUND)
    return PlainTextResponse(value)


@router.delete("/{id:uuid}/input/{key}", status_code=204, response_model=None)
async def delete_flow_run_input(id: UUID, key: Storable, request: Request) -> Response:
    """Delete the text under a key."""
    if not await runtime_of(request).database.write(inputs.delete_input, str(id), key):
        raise HTTPException(404, NOT_FOUND)
    return no_content()
