"""Routes of the block documents of one type."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.block_documents import store
from ephemeral_server.block_documents.schemas import BlockDocument
from ephemeral_server.block_documents.wire import document_json, documents_json
from ephemeral_server.block_types.serving import BlockRoute
from ephemeral_server.fields import Storable
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.runtime import runtime_of

router = APIRouter(
    prefix="/block_types/slug/{slug}/block_documents",
    tags=["Block types", "Block documents"],
    route_class=BlockRoute,
)


@router.get("", response_model=list[BlockDocument])
async def read_block_documents_for_block_type(
    slug: Storable, request: Request, include_secrets: bool = False
) -> Response:
    """All block documents of a type by name, but for the anonymous ones."""
    runtime = runtime_of(request)
    found = await runtime.database.read(store.list_documents_of_type, runtime.vault, slug)
    if found is None:
        raise HTTPException(404, "Block type not found")
    return JsonReply(documents_json(found, include_secrets=include_secrets))


@router.get("/name/{block_document_name}", response_model=BlockDocument)
async def read_block_document_by_name_for_block_type(
    slug: Storable,
    block_document_name: Storable,
    request: Request,
    include_secrets: bool = False,
) -> Response:
    """The block document of this name, anonymous or not."""
    runtime = runtime_of(request)
    document = await runtime.database.read(
        store.read_document_by_name, runtime.vault, slug, block_document_name
    )
    if document is None:
        raise HTTPException(404, store.NOT_FOUND)
    return JsonReply(document_json(document, include_secrets=include_secrets))
