"""Routes of collections."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.collections.views import view_json
from ephemeral_server.fields import Storable
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import JsonReply

router = APIRouter(prefix="/collections", tags=["Collections"], route_class=DirectRoute)


@router.get("/views/{view}", response_model=dict[str, Any])
async def read_view_content(view: Storable, request: Request) -> Response:
    """What packages offer, by package and name."""
    content = view_json(view)
    if content is None:
        raise HTTPException(404, f"View {view} not found in registry")
    return JsonReply(content)
