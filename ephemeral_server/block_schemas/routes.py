"""Routes of block schemas."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy import true

from ephemeral_server.block_schemas import store
from ephemeral_server.block_schemas.creation import create_schema
from ephemeral_server.block_schemas.deletion import delete_schema
from ephemeral_server.block_schemas.schemas import (
    BlockSchema,
    BlockSchemaCreate,
    BlockSchemaQuery,
)
from ephemeral_server.block_schemas.store import SchemaRow
from ephemeral_server.block_schemas.wire import BLOCK_SCHEMA
from ephemeral_server.block_types.serving import BlockRoute
from ephemeral_server.fields import Storable
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import CREATED, JsonReply, made, no_content
from ephemeral_server.runtime import runtime_of

router = APIRouter(prefix="/block_schemas", tags=["Block schemas"], route_class=BlockRoute)


@router.post("/", response_model=BlockSchema, status_code=CREATED)
async def create_block_schema(body: BlockSchemaCreate, request: Request) -> Response:
    """Make a block schema: 201, or 200 if there is one with its checksum and version."""
    database = runtime_of(request).database
    with refusals():
        row, new = await database.write(
            create_schema, str(body.block_type_id), body.fields, body.capabilities, body.version
        )
    return made(BLOCK_SCHEMA.render_row(row), new=new)


@router.post("/filter", response_model=list[BlockSchema])
async def read_block_schemas(request: Request, body: BlockSchemaQuery | None = None) -> Response:
    """The block schemas that fit the filter, the newest first."""
    runtime, body = runtime_of(request), body or BlockSchemaQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where = body.block_schemas.clause(runtime.database.dialect) if body.block_schemas else true()
    rows = await runtime.database.read(store.list_schemas, where, limit, body.offset)
    return JsonReply(BLOCK_SCHEMA.render_all(rows))


@router.get("/checksum/{checksum}", response_model=BlockSchema)
async def read_block_schema_by_checksum(
    checksum: Storable, request: Request, version: Storable | None = None
) -> Response:
    """The block schema of this checksum and version; the newest one if none is named."""
    database = runtime_of(request).database
    return _found(await database.read(store.read_schema_by_checksum, checksum, version))


@router.get("/{id:uuid}", response_model=BlockSchema)
async def read_block_schema_by_id(id: UUID, request: Request) -> Response:
    """One block schema."""
    return _found(await runtime_of(request).database.read(store.read_schema, str(id)))


@router.delete("/{id:uuid}", status_code=204, response_model=None)
async def delete_block_schema(id: UUID, request: Request) -> Response:
    """Delete a block schema with its documents."""
    with refusals():
        await runtime_of(request).database.write(delete_schema, str(id))
    return no_content()


def _found(row: SchemaRow | None) -> JsonReply:
    if row is None:
        raise HTTPException(404, store.NOT_FOUND)
    return JsonReply(BLOCK_SCHEMA.render_row(row))
