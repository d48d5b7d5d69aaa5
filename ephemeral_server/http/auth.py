"""Basic authentication with one secret."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from ephemeral_server.http.asgi import header, route_path, send_json

#: Paths below the mount that anybody may GET: probes have no secret.
EXEMPT = ("/health", "/ready")


class BasicAuthMiddleware:
    """Asks every HTTP request for ``Authorization: Basic <base64 of the secret>``.

    Anything else is answered with 401 and ``{"exception_message": "Unauthorized"}``, the word
    that the Prefect client looks for. WebSockets pass: they show the secret in their first
    message (`ephemeral_server.http.websockets.handshake`).

    Args:
        app: what to protect.
        secret: ``user:password``.
        exempt_paths: paths below the mount that may be read (GET) without the secret.
    """

    def __init__(self, app: ASGIApp, secret: str, exempt_paths: Collection[str] = EXEMPT) -> None:
        self.app = app
        self.exempt_paths = frozenset(exempt_paths)
        self._secret = secret.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or (scope["method"] == "GET" and route_path(scope) in self.exempt_paths)
            or self._fits(header(scope, b"authorization"))
        ):
            await self.app(scope, receive, send)
        else:
            await send_json(send, 401, {"exception_message": "Unauthorized"})

    def _fits(self, authorization: str | None) -> bool:
        parts = (authorization or "").split()
        if len(parts) != 2 or parts[0] != "Basic":
            return False
        try:
            given = base64.b64decode(parts[1], validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, self._secret)
