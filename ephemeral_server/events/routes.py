"""Routes that take events in."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.websockets import WebSocket

from ephemeral_server.errors import OverloadedError
from ephemeral_server.events.schemas import EventIn
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import no_content
from ephemeral_server.http.websockets import POLICY_VIOLATION, close, first_error
from ephemeral_server.runtime import Runtime, converse, runtime_of

router = APIRouter(prefix="/events", tags=["Events"], route_class=DirectRoute)

#: Seconds that a request waits for room for its events.
PATIENCE = 10.0

UNSUPPORTED_DATA = 1003  # close code of RFC 6455, section 7.4.1

_event_in: TypeAdapter[EventIn] = TypeAdapter(EventIn)


@router.post("", status_code=204)
async def create_events(body: list[EventIn], request: Request) -> Response:
    """Take events in. Whether one was there already is not told; all or none are accepted."""
    runtime = runtime_of(request)
    received = runtime.clock.now()
    events = [event.to_event(received) for event in body]
    try:
        for event in events:
            event.texts()
    except RecursionError:
        raise HTTPException(422, "The payload of an event is nested too deeply.") from None
    try:
        await asyncio.wait_for(runtime.bus.ingest(events), PATIENCE)
    except asyncio.TimeoutError:
        raise OverloadedError("Too many events are waiting to be written.") from None
    return no_content()


@router.websocket("/in")
async def stream_events_in(websocket: WebSocket) -> None:
    """Take events in, one from each text frame. Nothing is answered.

    A client takes the pong to its ping as the receipt of the events it sent before, and the
    pong comes from below, as soon as the ping was read. So everything that was read before
    the connection ended is still taken in.
    """
    await converse(websocket, _take_frames)


async def _take_frames(websocket: WebSocket, runtime: Runtime) -> None:
    """Publish the event of each frame until the last that was read before the end."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None:
            await close(websocket, UNSUPPORTED_DATA, "Events are sent as text frames")
            continue
        try:
            event = _event_in.validate_json(text)
        except ValidationError as error:
            await close(websocket, POLICY_VIOLATION, f"Invalid event: {first_error(error)}")
            continue
        await runtime.bus.ingest([event.to_event(runtime.clock.now())])
