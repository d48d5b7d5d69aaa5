"""Routes that are built when they are first asked for.

Building every route with its models costs about as much time as importing the web framework.
An index by the first segment of the path leads to the modules that hold its routes; they are
imported at the first request for such a path. Where a segment has several, those that are
seldom asked for stand last: each is imported when the ones before know no such path. The index
also spares a linear match over all routes of the API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from fastapi import APIRouter
from fastapi.params import Depends
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from ephemeral_server.http.asgi import header, route_path
from ephemeral_server.http.versions import check_api_version

#: First segment of a path -> modules, each with a `router`, the ones asked for most first.
Index = Mapping[str, Sequence[str]]


class LazyRoutes(BaseRoute):
    """The routes of an index of modules.

    Args:
        index: which modules hold the routes of a first path segment.
        dependencies: FastAPI dependencies put before every route.
        hear: told the ``User-Agent`` of every request.
    """

    def __init__(
        self,
        index: Index,
        dependencies: Sequence[Depends] = (),
        hear: Callable[[str | None], None] | None = None,
    ) -> None:
        self._index = index
        self._dependencies = list(dependencies)
        self._hear = hear
        self._routers: dict[str, APIRouter] = {}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] not in ("http", "websocket"):
            return Match.NONE, {}
        found = _first_segment(scope) in self._index
        return (Match.FULL if found else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            check_api_version(header(scope, b"x-prefect-api-version"))
            if self._hear is not None:
                self._hear(header(scope, b"user-agent"))
        await self.router(_first_segment(scope))(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        """Find the path of a route by its name; loads every module."""
        for router in self.routers():
            try:
                return router.url_path_for(name, **path_params)
            except LookupError:
                continue
        from starlette.routing import NoMatchFound

        raise NoMatchFound(name, path_params)

    def router(self, segment: str) -> APIRouter:
        """The routes of one first path segment, built at the first call."""
        router = self._routers.get(segment)
        if router is None:
            router = self._routers[segment] = self._build(self._index[segment])
        return router

    def routers(self) -> Iterator[APIRouter]:
        """The routes of every module, once where segments share one."""
        modules = [module for modules in self._index.values() for module in modules]
        for module in dict.fromkeys(modules):
            yield self._build([module])

    def _build(self, modules: Sequence[str]) -> APIRouter:
        module, *further = modules
        only: APIRouter = import_module(module).router
        if not further and not self._dependencies:
            return only  # stateless, so all apps of the process share it
        joined = APIRouter(
            dependencies=self._dependencies, default=self._later(further) if further else None
        )
        if self._dependencies:
            joined.include_router(only)
        else:
            joined.routes = only.routes
        return joined

    def _later(self, modules: Sequence[str]) -> ASGIApp:
        """The routes of `modules`, built at the first call."""
        built: list[APIRouter] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if not built:
                built.append(self._build(modules))
            await built[0](scope, receive, send)

        return app


def _first_segment(scope: Scope) -> str:
    return route_path(scope).lstrip("/").split("/", 1)[0]
