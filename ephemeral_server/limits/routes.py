"""Routes of concurrency limits."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.fields import Storable
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import CREATED, JsonReply, no_content
from ephemeral_server.limits import store
from ephemeral_server.limits.schemas import (
    ConcurrencyLimitQuery,
    ConcurrencyLimitV2,
    ConcurrencyLimitV2Create,
    ConcurrencyLimitV2Update,
    GlobalConcurrencyLimitResponse,
)
from ephemeral_server.limits.wire import LIMIT, STORED_LIMIT
from ephemeral_server.runtime import runtime_of

router = APIRouter(
    prefix="/v2/concurrency_limits", tags=["Concurrency Limits V2"], route_class=DirectRoute
)


@router.post("/", response_model=ConcurrencyLimitV2, status_code=CREATED)
async def create_concurrency_limit(body: ConcurrencyLimitV2Create, request: Request) -> Response:
    """Make a concurrency limit."""
    given = body.model_dump()
    slots = given.pop("limit")
    with refusals():
        row = await runtime_of(request).database.write(store.make_limit, slots=slots, **given)
    return JsonReply(STORED_LIMIT.render_row(row), CREATED)


@router.post("/filter", response_model=list[GlobalConcurrencyLimitResponse])
async def read_concurrency_limits(
    request: Request, body: ConcurrencyLimitQuery | None = None
) -> Response:
    """The concurrency limits by name, those of tags and deployments among them."""
    runtime, body = runtime_of(request), body or ConcurrencyLimitQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    rows = await runtime.database.read(store.list_limits, limit, body.offset)
    return JsonReply(LIMIT.render_all(rows, runtime.clock.now()))


@router.get("/{id_or_name}", response_model=GlobalConcurrencyLimitResponse)
async def read_concurrency_limit(id_or_name: Storable, request: Request) -> Response:
    """One concurrency limit."""
    runtime = runtime_of(request)
    row = await runtime.database.read(store.find_limit, id_or_name)
    if row is None:
        raise HTTPException(404, store.NOT_FOUND)
    return JsonReply(LIMIT.render_row(row, runtime.clock.now()))


@router.patch("/{id_or_name}", status_code=204, response_model=None)
async def update_concurrency_limit(
    id_or_name: Storable, body: ConcurrencyLimitV2Update, request: Request
) -> Response:
    """Change a concurrency limit."""
    changes = body.model_dump(include=body.model_fields_set)
    if "limit" in changes:
        changes["slots"] = changes.pop("limit")
    with refusals():
        await runtime_of(request).database.write(store.update_limit, id_or_name, changes)
    return no_content()


@router.delete("/{id_or_name}", status_code=204, response_model=None)
async def delete_concurrency_limit(id_or_name: Storable, request: Request) -> Response:
    """Delete a concurrency limit."""
    with refusals():
        await runtime_of(request).database.write(store.delete_limit, id_or_name)
    return no_content()
