"""Routes of leases on slots of limits, which a client asks for around every task with tags."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body, HTTPException, Request, Response
from pydantic import BaseModel, Field

from ephemeral_server.fields import LARGEST, Storable
from ephemeral_server.http.body import QueryBody, StrictBody
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import JsonReply, no_content
from ephemeral_server.ids import new_id
from ephemeral_server.limits import leases, releases
from ephemeral_server.limits.asking import Asked, Leased, NeverEnoughError, lease_slots
from ephemeral_server.limits.leases import Holder, HolderType
from ephemeral_server.limits.store import read_limits_by_name
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump

router = APIRouter(
    prefix="/v2/concurrency_limits", tags=["Concurrency Limits V2"], route_class=DirectRoute
)

GONE = "Lease not found - it may have expired or been revoked"

#: Seconds until a lease expires that is not renewed.
Duration = Annotated[float, Field(ge=60, le=86400)]


class LeaseHolder(StrictBody):
    """Whose slots they are."""

    type: HolderType
    id: UUID


class LeaseCreate(QueryBody):
    """Slots of all of the limits that have these names."""

    names: list[Storable]
    slots: Annotated[int, Field(gt=0, le=LARGEST)]
    mode: Literal["concurrency", "rate_limit"] = "concurrency"
    lease_duration: Duration = 300
    holder: LeaseHolder | None = None


class LeaseRenewal(QueryBody):
    """From now on."""

    lease_duration: Duration = 300


class LeaseEnd(BaseModel):
    """The lease that ends."""

    lease_id: UUID


class LeasedLimit(BaseModel):
    """A limit of which slots are leased."""

    id: UUID
    name: str
    limit: int


class Lease(BaseModel):
    """Slots that were leased, and of which limits."""

    lease_id: UUID
    limits: list[LeasedLimit]


@router.post("/increment-with-lease", response_model=Lease)
async def lease_concurrency_slots(
    body: Annotated[LeaseCreate, Body()], request: Request
) -> Response:
    """Lease slots of limits: 423 with the seconds to wait if one has too few left."""
    runtime = runtime_of(request)
    names = list(dict.fromkeys(body.names))
    now = runtime.clock.now()
    if not await runtime.database.read(read_limits_by_name, now, names):
        # The usual case: tags without limits. Nobody renews or ends a lease on nothing.
        return _leased(Leased(new_id(now), []))
    asked = Asked(names, body.slots, only_decaying=body.mode == "rate_limit")
    holder = None if body.holder is None else Holder(body.holder.type, str(body.holder.id))
    try:
        answer = await runtime.database.write(
            lease_slots, runtime.settings, asked, body.lease_duration, holder
        )
    except NeverEnoughError as error:
        raise HTTPException(422, str(error)) from None
    if isinstance(answer, Leased):
        return _leased(answer)
    raise HTTPException(423, "Locked", {"Retry-After": str(answer)})


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


def _leased(given: Leased) -> Response:
    limits = [{"id": limit.id, "name": limit.name, "limit": limit.slots} for limit in given.limits]
    return JsonReply(dump({"lease_id": given.lease_id, "limits": limits}))
