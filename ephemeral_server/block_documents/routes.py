"""Routes of block documents."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.block_documents import store
from ephemeral_server.block_documents.changes import delete_document, update_document
from ephemeral_server.block_documents.creation import create_document
from ephemeral_server.block_documents.schemas import (
    BlockDocument,
    BlockDocumentCount,
    BlockDocumentCreate,
    BlockDocumentQuery,
    BlockDocumentSort,
    BlockDocumentUpdate,
)
from ephemeral_server.block_documents.wire import document_json, documents_json
from ephemeral_server.block_types.serving import BlockRoute
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.relations import block_documents_where
from ephemeral_server.database.sorting import Order, ascending, descending
from ephemeral_server.database.tables import block_document
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import CREATED, JsonReply, no_content
from ephemeral_server.runtime import runtime_of

router = APIRouter(prefix="/block_documents", tags=["Block documents"], route_class=BlockRoute)


@router.post("/", response_model=BlockDocument, status_code=CREATED)
async def create_block_document(body: BlockDocumentCreate, request: Request) -> Response:
    """Make a block document; it is answered without its secrets."""
    runtime = runtime_of(request)
    with refusals():
        document = await runtime.database.write(
            create_document,
            runtime.vault,
            name=body.name,
            data=body.data,
            block_type_id=str(body.block_type_id),
            block_schema_id=str(body.block_schema_id),
            is_anonymous=body.is_anonymous,
        )
    return JsonReply(document_json(document, include_secrets=False), CREATED)


@router.post("/filter", response_model=list[BlockDocument])
async def read_block_documents(
    request: Request, body: BlockDocumentQuery | None = None
) -> Response:
    """The block documents that fit the filters, each with all that it refers to."""
    runtime, body = runtime_of(request), body or BlockDocumentQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where = _where(body, runtime.database.dialect)
    order = _ORDERS[body.sort]
    found = await runtime.database.read(
        store.list_documents, runtime.vault, where, order, limit, body.offset
    )
    return JsonReply(documents_json(found, include_secrets=body.include_secrets))


@router.post("/count", response_model=int)
async def count_block_documents(
    request: Request, body: BlockDocumentCount | None = None
) -> Response:
    """How many block documents fit the filters."""
    database = runtime_of(request).database
    where = _where(body or BlockDocumentCount(), database.dialect)
    return JsonReply(str(await database.read(store.count_documents, where)))


@router.get("/{id:uuid}", response_model=BlockDocument)
async def read_block_document_by_id(
    id: UUID, request: Request, include_secrets: bool = False
) -> Response:
    """One block document."""
    runtime = runtime_of(request)
    document = await runtime.database.read(store.read_document, runtime.vault, str(id))
    if document is None:
        raise HTTPException(404, store.NOT_FOUND)
    return JsonReply(document_json(document, include_secrets=include_secrets))


@router.patch("/{id:uuid}", status_code=204, response_model=None)
async def update_block_document_data(
    id: UUID, body: BlockDocumentUpdate, request: Request
) -> Response:
    """Change the data or the schema of a block document."""
    runtime = runtime_of(request)
    with refusals():
        await runtime.database.write(
            update_document,
            runtime.vault,
            str(id),
            data=body.data,
            block_schema_id=None if body.block_schema_id is None else str(body.block_schema_id),
            merge=body.merge_existing_data,
        )
    return no_content()


@router.delete("/{id:uuid}", status_code=204, response_model=None)
async def delete_block_document(id: UUID, request: Request) -> Response:
    """Delete a block document; those that refer to it stay, without it."""
    runtime = runtime_of(request)
    with refusals():
        await runtime.database.write(delete_document, runtime.vault, str(id))
    return no_content()


_C = block_document.c
_ORDERS: dict[BlockDocumentSort, Order] = {
    BlockDocumentSort.NAME_ASC: ascending(_C.name, _C.id),
    BlockDocumentSort.NAME_DESC: descending(_C.name, _C.id),
    BlockDocumentSort.BLOCK_TYPE_AND_NAME_ASC: (
        _C.block_type_name.asc(),
        *ascending(_C.name, _C.id),
    ),
}


def _where(body: BlockDocumentCount, dialect: str) -> Clause:
    return block_documents_where(
        dialect,
        block_documents=body.block_documents,
        block_types=body.block_types,
        block_schemas=body.block_schemas,
    )
