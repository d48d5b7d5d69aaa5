"""Routes that take slots of limits and give them back, with leases and without.

A client asks for a lease around every task with tags, so the usual answer, that none of the tags
has a limit, costs one read.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, HTTPException, Request, Response

from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import JsonReply, no_content
from ephemeral_server.ids import new_id
from ephemeral_server.limits import leases, releases
from ephemeral_server.limits.asking import Asked, Leased, ask, give_back, lease_slots
from ephemeral_server.limits.leases import Holder
from ephemeral_server.limits.schemas import (
    ConcurrencyLimitWithLeaseResponse,
    LeaseAsked,
    LeaseEnd,
    LeaseRenewal,
    MinimalConcurrencyLimitResponse,
    SlotsAsked,
    SlotsReturned,
)
from ephemeral_server.limits.store import is_any_limited
from ephemeral_server.limits.wire import minimal
from ephemeral_server.runtime import Runtime, runtime_of
from ephemeral_server.wire import dump

router = APIRouter(
    prefix="/v2/concurrency_limits", tags=["Concurrency Limits V2"], route_class=DirectRoute
)

GONE = "Lease not found - it may have expired or been revoked"


@router.post("/increment-with-lease", response_model=ConcurrencyLimitWithLeaseResponse)
async def lease_concurrency_slots(
    body: Annotated[LeaseAsked, Body()], request: Request
) -> Response:
    """Lease slots of limits: 423 with the seconds to wait if one has too few left."""
    runtime, asked = runtime_of(request), _asked(body)
    if await _are_free(runtime, asked):
        # Nobody renews or ends a lease on nothing.
        return _leased(Leased(new_id(runtime.clock.now()), []))
    holder = None if body.holder is None else Holder(body.holder.type, str(body.holder.id))
    with refusals():
        leased = await runtime.database.write(
            lease_slots, runtime.settings, asked, body.lease_duration, holder
        )
    return _locked(leased) if isinstance(leased, float) else _leased(leased)


@router.post("/increment", response_model=list[MinimalConcurrencyLimitResponse])
async def take_concurrency_slots(body: Annotated[SlotsAsked, Body()], request: Request) -> Response:
    """Take slots of limits: 423 with the seconds to wait if one has too few left."""
    runtime, asked = runtime_of(request), _asked(body)
    if await _are_free(runtime, asked):
        return JsonReply("[]")
    with refusals():
        limits = await runtime.database.write(ask, runtime.settings, asked)
    return _locked(limits) if isinstance(limits, float) else JsonReply(dump(minimal(limits)))


@router.post("/decrement", response_model=list[MinimalConcurrencyLimitResponse])
async def return_concurrency_slots(
    body: Annotated[SlotsReturned, Body()], request: Request
) -> Response:
    """Give back slots that were taken without a lease."""
    names = list(dict.fromkeys(body.names))
    limits = await runtime_of(request).database.write(
        give_back, names, body.slots, body.occupancy_seconds
    )
    return JsonReply(dump(minimal(limits)))


@router.post("/leases/{lease_id:uuid}/renew", status_code=204, response_model=None)
async def renew_concurrency_lease(
    lease_id: UUID, request: Request, body: LeaseRenewal | None = None
) -> Response:
    """Let a lease expire later: 410 if its slots were given back already."""
    seconds = (body or LeaseRenewal()).lease_duration
    if not await runtime_of(request).database.write(leases.renew, str(lease_id), seconds):
        raise HTTPException(410, GONE)
    return no_content()


@router.post("/decrement-with-lease", status_code=204, response_model=None)
async def end_concurrency_lease(body: Annotated[LeaseEnd, Body()], request: Request) -> Response:
    """Give back the slots of a lease, or nothing if that was done before."""
    await runtime_of(request).database.write(releases.release, str(body.lease_id))
    return no_content()


def _asked(body: SlotsAsked) -> Asked:
    names = list(dict.fromkeys(body.names))
    return Asked(names, body.slots, only_decaying=body.mode == "rate_limit")


async def _are_free(runtime: Runtime, asked: Asked) -> bool:
    """Whether none of the names has a limit."""
    return not await runtime.database.read(is_any_limited, asked.names)


def _leased(given: Leased) -> Response:
    return JsonReply(dump({"lease_id": given.lease_id, "limits": minimal(given.limits)}))


def _locked(seconds: float) -> Response:
    raise HTTPException(423, "Locked", {"Retry-After": str(seconds)})
