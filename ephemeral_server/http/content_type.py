"""Bodies without a content type."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from ephemeral_server.http.asgi import header


class DefaultContentTypeMiddleware:
    """Takes a body without ``Content-Type`` for JSON.

    Prefect clients before 3.6.19 send some bodies without the header. A given type is left
    alone, and so is a request without a body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["method"] in ("POST", "PUT", "PATCH")
            and header(scope, b"content-type") is None
            and _length(scope) > 0
        ):
            json_type = (b"content-type", b"application/json")
            scope = {**scope, "headers": [*scope["headers"], json_type]}
        await self.app(scope, receive, send)


def _length(scope: Scope) -> int:
    text = header(scope, b"content-length") or ""
    return int(text) if text.isdecimal() and len(text) < 20 else 0
