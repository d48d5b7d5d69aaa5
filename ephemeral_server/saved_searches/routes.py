"""Routes of saved searches."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.reply import JsonReply, made, no_content
from ephemeral_server.runtime import runtime_of
from ephemeral_server.saved_searches import store
from ephemeral_server.saved_searches.schemas import (
    SavedSearch,
    SavedSearchCreate,
    SavedSearchQuery,
)
from ephemeral_server.saved_searches.store import SAVED_SEARCH
from ephemeral_server.wire import dump

router = APIRouter(prefix="/saved_searches", tags=["SavedSearches"], route_class=DirectRoute)

NOT_FOUND = "Saved search not found"


@router.put("/", response_model=SavedSearch)
async def put_saved_search(body: SavedSearchCreate, request: Request) -> Response:
    """Keep a search under its name: 201, or 200 if it took the place of another."""
    filters = dump([criterion.model_dump() for criterion in body.filters])
    database = runtime_of(request).database
    row, new = await database.write(store.put_saved_search, body.name, filters)
    return made(SAVED_SEARCH.render_row(row), new=new)


@router.post("/filter", response_model=list[SavedSearch])
async def read_saved_searches(request: Request, body: SavedSearchQuery | None = None) -> Response:
    """The saved searches by name."""
    runtime, body = runtime_of(request), body or SavedSearchQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    rows = await runtime.database.read(store.list_saved_searches, limit, body.offset)
    return JsonReply(SAVED_SEARCH.render_all(rows))


@router.get("/{id:uuid}", response_model=SavedSearch)
async def read_saved_search(id: UUID, request: Request) -> Response:
    """One saved search."""
    row = await runtime_of(request).database.read(store.read_saved_search, str(id))
    if row is None:
        raise HTTPException(404, NOT_FOUND)
    return JsonReply(SAVED_SEARCH.render_row(row))


@router.delete("/{id:uuid}", status_code=204, response_model=None)
async def delete_saved_search(id: UUID, request: Request) -> Response:
    """Delete a saved search."""
    if not await runtime_of(request).database.write(store.delete_saved_search, str(id)):
        raise HTTPException(404, NOT_FOUND)
    return no_content()
