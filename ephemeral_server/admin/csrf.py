"""The route that issues CSRF tokens."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel

from ephemeral_server.http.csrf import DISABLED
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump

router = APIRouter(route_class=DirectRoute)


class CsrfToken(BaseModel):
    """A token that a client shows with every request that writes."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    token: str
    client: str
    expiration: datetime


@router.get("/csrf-token", response_model=CsrfToken)
async def create_csrf_token(client: str, request: Request) -> Response:
    """A new token for a client; earlier ones hold until their end."""
    runtime = runtime_of(request)
    if not runtime.settings.csrf_protection:
        raise HTTPException(422, DISABLED)
    return JsonReply(dump(runtime.csrf.issue(client)))
