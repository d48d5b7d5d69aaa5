"""Routes of block types."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.block_types import installed, store
from ephemeral_server.block_types.deletion import delete_type
from ephemeral_server.block_types.schemas import (
    BlockType,
    BlockTypeCreate,
    BlockTypeQuery,
    BlockTypeUpdate,
)
from ephemeral_server.block_types.serving import BlockRoute
from ephemeral_server.block_types.wire import BLOCK_TYPE
from ephemeral_server.database.relations import block_types_where
from ephemeral_server.fields import Storable
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import CREATED, JsonReply, no_content
from ephemeral_server.runtime import runtime_of

router = APIRouter(prefix="/block_types", tags=["Block types"], route_class=BlockRoute)

NOT_FOUND = "Block type not found"


@router.post("/", response_model=BlockType, status_code=CREATED)
async def create_block_type(body: BlockTypeCreate, request: Request) -> Response:
    """Make a block type."""
    if body.name.lower().startswith("prefect"):
        raise HTTPException(403, "Block type names beginning with 'Prefect' are reserved.")
    with refusals():
        row = await runtime_of(request).database.write(store.create_type, body.model_dump())
    return JsonReply(BLOCK_TYPE.render_row(row), CREATED)


@router.get("/{id:uuid}", response_model=BlockType)
async def read_block_type_by_id(id: UUID, request: Request) -> Response:
    """One block type."""
    return _found(await runtime_of(request).database.read(store.read_type, str(id)))


@router.get("/slug/{slug}", response_model=BlockType)
async def read_block_type_by_slug(slug: Storable, request: Request) -> Response:
    """The block type of this slug."""
    return _found(await runtime_of(request).database.read(store.read_type_by_slug, slug))


@router.post("/filter", response_model=list[BlockType])
async def read_block_types(request: Request, body: BlockTypeQuery | None = None) -> Response:
    """The block types by name that fit the filters."""
    runtime, body = runtime_of(request), body or BlockTypeQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where = block_types_where(
        runtime.database.dialect, block_types=body.block_types, block_schemas=body.block_schemas
    )
    rows = await runtime.database.read(store.list_types, where, limit, body.offset)
    return JsonReply(BLOCK_TYPE.render_all(rows))


@router.patch("/{id:uuid}", status_code=204, response_model=None)
async def update_block_type(id: UUID, body: BlockTypeUpdate, request: Request) -> Response:
    """Change how a block type is presented."""
    changes = body.model_dump(include=body.model_fields_set)
    with refusals():
        await runtime_of(request).database.write(store.update_type, str(id), changes)
    return no_content()


@router.delete("/{id:uuid}", status_code=204, response_model=None)
async def delete_block_type(id: UUID, request: Request) -> Response:
    """Delete a block type with its schemas and documents."""
    with refusals():
        await runtime_of(request).database.write(delete_type, str(id))
    return no_content()


@router.post("/install_system_block_types", response_model=Any)
async def install_system_block_types(request: Request) -> Response:
    """Present the types that the server itself needs as they were at first."""
    await runtime_of(request).database.write(installed.restore)
    return JsonReply("null")


def _found(row: store.TypeRow | None) -> Response:
    if row is None:
        raise HTTPException(404, NOT_FOUND)
    return JsonReply(BLOCK_TYPE.render_row(row))
