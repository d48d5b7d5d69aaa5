"""Routes about the server itself."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from ephemeral_server.admin.settings import settings_schema, settings_text
from ephemeral_server.admin.storage import clear
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import JsonReply, no_content
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump

router = APIRouter(prefix="/admin", tags=["Admin"], route_class=DirectRoute)


class ServerDefaultResultStorage(BaseModel):
    """The block that keeps results unless a flow names another."""

    default_result_storage_block_id: UUID | None = None


class ServerDefaultResultStorageUpdate(BaseModel):
    """The block that is to keep them."""

    default_result_storage_block_id: UUID


@router.get("/version", response_model=str)
async def read_version(request: Request) -> Response:
    """The version of the Prefect server whose behaviour is offered; clients compare theirs."""
    return JsonReply(dump(request.app.state.version.text))


@router.get(
    "/settings",
    response_model=None,
    responses={200: {"content": {"application/json": {"schema": settings_schema()}}}},
)
async def read_settings(request: Request) -> Response:
    """The settings of this server, secrets starred."""
    return JsonReply(settings_text(runtime_of(request).settings))


@router.get("/storage", response_model=ServerDefaultResultStorage)
async def read_server_default_result_storage(request: Request) -> Response:
    """Where results go by default; null leaves it to the client."""
    runtime = runtime_of(request)
    return JsonReply(await runtime.result_storage.read(runtime.database))


@router.put("/storage", response_model=ServerDefaultResultStorage)
async def update_server_default_result_storage(
    body: ServerDefaultResultStorageUpdate, request: Request
) -> Response:
    """Let a block keep results by default, one that can."""
    from ephemeral_server.admin.choice import choose  # seldom needed, unlike the rest

    runtime, id = runtime_of(request), str(body.default_result_storage_block_id)
    with refusals():
        return JsonReply(await runtime.database.write(choose, runtime.vault, id))


@router.delete("/storage", status_code=204, response_model=None)
async def clear_server_default_result_storage(request: Request) -> Response:
    """Leave it to the client where results go."""
    await runtime_of(request).database.write(clear)
    return no_content()
