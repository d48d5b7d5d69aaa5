"""Logs over a WebSocket, as they come."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocket

from ephemeral_server.http.streaming import stream
from ephemeral_server.http.websockets import PROTOCOL_ERROR, close, first_error
from ephemeral_server.logs.schemas import LogFilter
from ephemeral_server.logs.wire import LOG
from ephemeral_server.runtime import Runtime, converse

router = APIRouter(prefix="/logs", tags=["Logs"])


class FilterMessage(BaseModel):
    """What a client sends to say which logs it wants."""

    type: Literal["filter"]
    filter: LogFilter


@router.websocket("/out")
async def stream_logs_out(websocket: WebSocket) -> None:
    """Send each log that fits the client's filter once it is committed; none from before.

    No setting turns this off: while nobody watches it costs nothing, and whoever may watch may
    read the same logs from the database.
    """
    await converse(websocket, _serve)


async def _serve(websocket: WebSocket, runtime: Runtime) -> None:
    filter = await _receive_filter(websocket)
    if filter is not None:
        with runtime.live_logs.subscription(filter.picker(LOG.keys)) as logs:
            await stream(websocket, logs)


async def _receive_filter(websocket: WebSocket) -> LogFilter | None:
    """The filter; None if there will be none, and the connection is closed."""
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        return None
    text = message.get("text")
    try:
        return FilterMessage.model_validate_json(message["bytes"] if text is None else text).filter
    except ValidationError as error:
        await close(websocket, PROTOCOL_ERROR, _complaint(error))
        return None


def _complaint(error: ValidationError) -> str:
    """The close reason for what is no filter."""
    if error.errors()[0]["loc"][:1] == ("filter",):
        return f"Invalid filter: {first_error(error, below=1)}"
    return "Expected 'filter' message"
