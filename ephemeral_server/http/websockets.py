"""How Prefect's WebSockets begin and end."""

from __future__ import annotations

import contextlib
import hmac
import json
from typing import Any

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ephemeral_server.http.asgi import headers, refuse

SUBPROTOCOL = "prefect"

#: Close codes (RFC 6455, section 7.4.1).
NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013

_LONGEST_REASON = 123  # bytes: a control frame holds 125, two of them are the code

#: What uvicorn raises at a message for a connection that it has closed itself, because the client
#: broke the protocol, while the application has not read so far yet.
_ClosedBelow = RuntimeError


async def handshake(
    websocket: WebSocket,
    secret: str | None,
    *,
    legacy: bool = True,
    refusal: str | None = None,
) -> bool:
    """Accept a WebSocket of a Prefect client and check who it is.

    A client that offers the subprotocol ``prefect`` sends ``{"type": "auth", "token": …}``
    first and gets ``{"type": "auth_success"}``. A client that does not offer it is accepted
    without any greeting, unless there is a secret to ask for.

    Args:
        websocket: as the route got it, not accepted yet.
        secret: what the token must be; None lets every token pass.
        legacy: whether clients that do not offer the subprotocol are served at all.
        refusal: the close reason of every failure, with code 1008; None says what was wrong.

    Returns:
        True: go on with the client's next message. False: the WebSocket is closed or was
        refused (HTTP 403), and nothing is left to do.
    """
    if SUBPROTOCOL not in _offered(websocket):
        if secret is None and legacy:
            await websocket.accept()
            return True
        detail = f"This WebSocket needs a client that offers the subprotocol {SUBPROTOCOL!r}."
        await refuse(websocket.scope, websocket.receive, websocket.send, detail)
        return False
    await websocket.accept(subprotocol=SUBPROTOCOL)
    try:
        failure = _check(await _first_text(websocket), secret)
        if failure is None:
            await send(websocket, '{"type":"auth_success"}')
            return True
    except WebSocketDisconnect:
        return False
    if refusal is not None:
        failure = POLICY_VIOLATION, refusal
    await close(websocket, *failure)
    return False


async def send(websocket: WebSocket, text: str) -> None:
    """Send a text frame, as soon as the client has read enough of those before.

    Raises:
        WebSocketDisconnect: the connection is closed.
    """
    try:
        await websocket.send_text(text)
    except _ClosedBelow as error:
        raise WebSocketDisconnect(PROTOCOL_ERROR) from error


async def close(websocket: WebSocket, code: int = NORMAL, reason: str = "") -> None:
    """Close an accepted WebSocket from this side; nothing happens if it is closed already.

    Args:
        websocket: which.
        code: a close code of RFC 6455.
        reason: what the client shows to its user; cut to fit, see `close_reason`.
    """
    if websocket.application_state is not WebSocketState.CONNECTED:
        return
    if websocket.client_state is WebSocketState.DISCONNECTED:
        return
    with contextlib.suppress(WebSocketDisconnect, _ClosedBelow):  # the client may be faster
        await websocket.close(code, close_reason(reason))


def close_reason(text: str) -> str:
    """`text` cut to the 123 bytes of UTF-8 that a close frame can hold."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) > _LONGEST_REASON:
        encoded = encoded[: _LONGEST_REASON - len("…".encode())]
        return encoded.decode("utf-8", "ignore") + "…"
    return encoded.decode()


def first_error(error: ValidationError, below: int = 0) -> str:
    """What was wrong first with what a client sent, and where, for a close reason.

    Args:
        below: how many leading parts of the place to leave out.
    """
    details = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in details["loc"][below:])
    return f"{place}: {details['msg']}" if place else str(details["msg"])


def _offered(websocket: WebSocket) -> set[str]:
    """The subprotocols of the client; it may spread them over several headers."""
    values = headers(websocket.scope, b"sec-websocket-protocol")
    offered = {part.strip() for value in values for part in value.split(",")}
    return offered.union(websocket.scope.get("subprotocols", ()))


async def _first_text(websocket: WebSocket) -> str | bytes:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", GOING_AWAY), message.get("reason"))
    text: str | None = message.get("text")
    return message["bytes"] if text is None else text


def _check(text: str | bytes, secret: str | None) -> tuple[int, str] | None:
    """What is wrong with an auth message, as close code and reason; None if it is right."""
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError):
        return PROTOCOL_ERROR, "Expected a JSON object as the first message"
    if not isinstance(message, dict):
        return PROTOCOL_ERROR, "Expected a JSON object as the first message"
    if message.get("type") != "auth":
        return POLICY_VIOLATION, "Expected 'auth' message"
    if secret is None:
        return None
    token = message.get("token")
    if not token:
        return POLICY_VIOLATION, "Auth required but no token provided"
    given = token.encode("utf-8", "replace") if isinstance(token, str) else b""
    if not hmac.compare_digest(given, secret.encode()):
        return POLICY_VIOLATION, "Invalid token"
    return None
