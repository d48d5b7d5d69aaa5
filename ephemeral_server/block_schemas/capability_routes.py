"""What blocks are capable of."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ephemeral_server.block_schemas import store
from ephemeral_server.block_types.serving import BlockRoute
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump

router = APIRouter(
    prefix="/block_capabilities", tags=["Block capabilities"], route_class=BlockRoute
)


@router.get("/", response_model=list[str])
async def read_available_block_capabilities(request: Request) -> Response:
    """The capabilities that there are, by name."""
    return JsonReply(dump(await runtime_of(request).database.read(store.list_capabilities)))
