"""Small helpers for code that speaks ASGI directly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from starlette.types import Receive, Scope, Send

Header = tuple[bytes, bytes]


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a header of the request, None if it is absent.

    Args:
        scope: of an HTTP request or a WebSocket.
        name: in lower case.
    """
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def headers(scope: Scope, name: bytes) -> list[str]:
    """All values of a header of the request, in their order."""
    return [str(value, "latin-1") for key, value in scope["headers"] if key == name]


def route_path(scope: Scope) -> str:
    """The path below the mount that the request reached.

    Only the ASGI path and ``root_path`` count. Neither depends on a header, so nobody can
    name another path than the one that is routed.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root) and (len(path) == len(root) or path[len(root)] == "/"):
        return path[len(root) :]
    return path


_LENGTH = b"content-length"


async def send_json(send: Send, status: int, body: Any, extra: Sequence[Header] = ()) -> None:
    """Answer an HTTP request with JSON, the quick way."""
    content = json.dumps(body, separators=(",", ":")).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (_LENGTH, str(len(content)).encode()),
                (b"content-type", b"application/json"),
                *extra,
            ],
        }
    )
    await send({"type": "http.response.body", "body": content})


async def refuse(scope: Scope, receive: Receive, send: Send, detail: str) -> None:
    """Answer 403 with ``{"detail": …}`` to an HTTP request or to a WebSocket's upgrade."""
    if scope["type"] == "http":
        await send_json(send, 403, {"detail": detail})
        return
    await receive()  # websocket.connect
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})  # the server makes it a bare 403
        return

    async def send_http(message: Any) -> None:
        message = {**message, "type": f"websocket.{message['type']}"}
        if "headers" in message:  # uvicorn adds the length itself; before 0.54 a second one
            message["headers"] = [each for each in message["headers"] if each[0] != _LENGTH]
        await send(message)

    await send_json(send_http, 403, {"detail": detail})
    # Who returns before uvicorn has closed the connection is reported as having failed.
    await asyncio.sleep(0)
