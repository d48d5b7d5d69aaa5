"""Sends a subscription over a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable

from starlette.websockets import WebSocket, WebSocketDisconnect

from ephemeral_server.http.websockets import TRY_AGAIN_LATER, close, send


async def stream(websocket: WebSocket, messages: AsyncIterable[str]) -> None:
    """Send each message as a frame, until the client or the server ends the connection.

    Where `messages` ends, some were lost. The client is told so by a close code (1013) at which
    clients connect again, as soon as it reads on.
    """
    sending = asyncio.create_task(_send_all(websocket, messages))
    try:
        # What the client says means nothing, but pings that come after it are read after it.
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
    finally:
        sending.cancel()
        await asyncio.wait([sending])


async def _send_all(websocket: WebSocket, messages: AsyncIterable[str]) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        async for message in messages:
            await send(websocket, message)
            await asyncio.sleep(0)  # sending to a quick client would never wait
        await close(websocket, TRY_AGAIN_LATER, "Fell behind: more came than was read")
