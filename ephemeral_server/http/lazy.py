"""Routes that are built when they are first asked for.

Building every route with its models costs about as much time as importing the web framework.
An index by the first segment of the path leads to the modules that hold its routes; they are
imported at the first request for such a path. The index also spares a linear match over all
routes of the API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from fastapi import APIRouter
from fastapi.params import Depends
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from ephemeral_server.http.asgi import header, route_path
from ephemeral_server.http.versions import check_api_version

#: First segment of a path -> modules, each with a `router`.
Index = Mapping[str, Sequence[str]]


class LazyRoutes(BaseRoute):
    """The routes of an index of modules.

    Args:
        index: which modules hold the routes of a first path segment.
        dependencies: FastAPI dependencies put before every route.
    """

    def __init__(self, index: Index, dependencies: Sequence[Depends] = ()) -> None:
        self._index = index
        self._dependencies = list(dependencies)
        self._routers: dict[str, APIRouter] = {}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] not in ("http", "websocket"):
            return Match.NONE, {}
        found = _first_segment(scope) in self._index
        return (Match.FULL if found else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            check_api_version(header(scope, b"x-prefect-api-version"))
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
        """The routes of every segment, once where segments have the same modules."""
        segments = {tuple(modules): segment for segment, modules in self._index.items()}
        for segment in segments.values():
            yield self.router(segment)

    def _build(self, modules: Sequence[str]) -> APIRouter:
        routers = [import_module(module).router for module in modules]
        if len(routers) == 1 and not self._dependencies:
            only: APIRouter = routers[0]  # stateless, so all apps of the process share it
            return only
        joined = APIRouter(dependencies=self._dependencies)
        for router in routers:
            joined.include_router(router)
        return joined


def _first_segment(scope: Scope) -> str:
    return route_path(scope).lstrip("/").split("/", 1)[0]
