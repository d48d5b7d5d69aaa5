"""Routes of the limits of tags, for clients and commands that know them by their tags."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, HTTPException, Request, Response

from ephemeral_server.fields import Storable
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import JsonReply, made
from ephemeral_server.limits import tags
from ephemeral_server.limits.tag_schemas import (
    ConcurrencyLimit,
    ConcurrencyLimitCreate,
    ConcurrencyLimitQuery,
    MinimalConcurrencyLimitResponse,
    TagReset,
    TagSlots,
)
from ephemeral_server.limits.tags import TAG_LIMIT
from ephemeral_server.limits.wire import minimal
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump

router = APIRouter(
    prefix="/concurrency_limits", tags=["Concurrency Limits"], route_class=DirectRoute
)

_NOTHING = "null"


@router.post("/", response_model=ConcurrencyLimit)
async def set_tag_limit(body: ConcurrencyLimitCreate, request: Request) -> Response:
    """Give a tag a limit: 201, or 200 if it had one, which is changed."""
    database = runtime_of(request).database
    with refusals():
        row, new = await database.write(tags.set_tag_limit, body.tag, body.concurrency_limit)
    return made(TAG_LIMIT.render_row(row), new=new)


@router.post("/filter", response_model=list[ConcurrencyLimit])
async def read_tag_limits(request: Request, body: ConcurrencyLimitQuery | None = None) -> Response:
    """The limits of tags by name."""
    runtime, body = runtime_of(request), body or ConcurrencyLimitQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    now = runtime.clock.now()
    rows = await runtime.database.read(tags.list_tag_limits, now, limit, body.offset)
    return JsonReply("[" + ",".join(map(TAG_LIMIT.render_row, rows)) + "]")


@router.post("/increment", response_model=list[MinimalConcurrencyLimitResponse])
async def take_tag_slots(body: Annotated[TagSlots, Body()], request: Request) -> Response:
    """Take a slot of each tag that has a limit: 423 if one has none left.

    The client tries again after ``Retry-After`` seconds, and gives up without them.
    """
    runtime = runtime_of(request)
    try:
        limits = await runtime.database.write(
            tags.take_tag_slots, body.names, str(body.task_run_id)
        )
    except tags.LockedError as error:
        wait = {"Retry-After": str(runtime.settings.tag_slot_wait_seconds)}
        raise HTTPException(423, str(error), wait if error.passing else None) from None
    bare = [{**limit, "name": tags.tag_of(limit["name"])} for limit in minimal(limits)]
    return JsonReply(dump(bare))


@router.post("/decrement", response_model=list[MinimalConcurrencyLimitResponse])
async def return_tag_slots(body: Annotated[TagSlots, Body()], request: Request) -> Response:
    """Give back the slots of these tags that a task run has."""
    limits = await runtime_of(request).database.write(
        tags.return_tag_slots, body.names, str(body.task_run_id)
    )
    return JsonReply(dump(minimal(limits)))


@router.get("/tag/{tag}", response_model=ConcurrencyLimit)
async def read_limit_of_tag(tag: Storable, request: Request) -> Response:
    """The limit of a tag."""
    return await _read(tag, request)


@router.post("/tag/{tag}/reset", response_model=None)
async def reset_limit_of_tag(
    tag: Storable, request: Request, body: TagReset | None = None
) -> Response:
    """Free the slots of a tag, or let other task runs have them."""
    ids = [str(id) for id in (body or TagReset()).slot_override or []]
    with refusals():
        await runtime_of(request).database.write(tags.reset_tag_limit, tag, ids)
    return JsonReply(_NOTHING)


@router.delete("/tag/{tag}", response_model=None)
async def delete_limit_of_tag(tag: Storable, request: Request) -> Response:
    """Delete the limit of a tag."""
    return await _delete(tag, request)


@router.get("/{id:uuid}", response_model=ConcurrencyLimit)
async def read_tag_limit(id: UUID, request: Request) -> Response:
    """The limit of this id, if it is a tag's."""
    return await _read(id, request)


@router.delete("/{id:uuid}", response_model=None)
async def delete_tag_limit(id: UUID, request: Request) -> Response:
    """Delete the limit of this id, if it is a tag's."""
    return await _delete(id, request)


async def _read(of: UUID | str, request: Request) -> Response:
    runtime = runtime_of(request)
    row = await runtime.database.read(tags.read_tag_limit, runtime.clock.now(), of)
    if row is None:
        raise HTTPException(404, tags.NOT_FOUND)
    return JsonReply(TAG_LIMIT.render_row(row))


async def _delete(of: UUID | str, request: Request) -> Response:
    with refusals():
        await runtime_of(request).database.write(tags.delete_tag_limit, of)
    return JsonReply(_NOTHING)
