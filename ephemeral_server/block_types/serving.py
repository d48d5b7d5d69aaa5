"""How routes about blocks are served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from ephemeral_server.block_types.installed import ensure
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.runtime import runtime_of


class BlockRoute(DirectRoute):
    """A route whose endpoint finds the system block types in the database."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        serve = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await ensure(runtime_of(HTTPConnection(scope)).database)
            await serve(scope, receive, send)

        self.app = app
