"""Puts http, domains and the runtime together into an application."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.params import Depends
from starlette.requests import Request
from starlette.routing import BaseRoute

from ephemeral_server.clock import Clock, SystemClock
from ephemeral_server.http.auth import BasicAuthMiddleware
from ephemeral_server.http.compression import GzipMiddleware
from ephemeral_server.http.content_type import DefaultContentTypeMiddleware
from ephemeral_server.http.cors import cors
from ephemeral_server.http.csrf import CsrfMiddleware, CsrfTokens
from ephemeral_server.http.errors import InternalErrorMiddleware, exception_handlers
from ephemeral_server.http.guard import guard
from ephemeral_server.http.lazy import LazyRoutes
from ephemeral_server.http.limits import RequestLimitMiddleware
from ephemeral_server.http.mount import ShortcutMiddleware
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.http.versions import OfferedVersion
from ephemeral_server.runtime import Runtime
from ephemeral_server.settings import Settings
from ephemeral_server.version import API_VERSION, __version__

if TYPE_CHECKING:
    from ephemeral_server.embed import EphemeralServer

#: Which modules hold the routes of a path's first segment.
DOMAINS = {
    "admin": ("ephemeral_server.admin.routes",),
    "artifacts": ("ephemeral_server.artifacts.routes",),
    "block_capabilities": ("ephemeral_server.block_schemas.capability_routes",),
    "block_documents": ("ephemeral_server.block_documents.routes",),
    "block_schemas": ("ephemeral_server.block_schemas.routes",),
    "block_types": (
        "ephemeral_server.block_documents.type_routes",
        "ephemeral_server.block_types.routes",
    ),
    "collections": ("ephemeral_server.collections.routes",),
    "concurrency_limits": ("ephemeral_server.limits.tag_routes",),
    "csrf-token": ("ephemeral_server.admin.csrf",),
    "deployments": (
        "ephemeral_server.deployments.routes",
        "ephemeral_server.deployments.schedule_routes",
        "ephemeral_server.deployments.scheduled_routes",
        "ephemeral_server.deployments.run_routes",
    ),
    "events": ("ephemeral_server.events.routes",),
    "flow_run_states": ("ephemeral_server.states.routes",),
    "flow_runs": (
        "ephemeral_server.flow_runs.routes",
        "ephemeral_server.flow_runs.input_routes",
        "ephemeral_server.flow_runs.resume_routes",
        "ephemeral_server.flow_runs.bulk_routes",
        "ephemeral_server.flow_runs.log_routes",
        "ephemeral_server.flow_runs.history_routes",
        "ephemeral_server.flow_runs.graph_routes",
    ),
    "flows": ("ephemeral_server.flows.routes",),
    "hello": ("ephemeral_server.admin.root",),
    "logs": ("ephemeral_server.logs.routes", "ephemeral_server.logs.live_routes"),
    "ready": ("ephemeral_server.admin.root",),
    "saved_searches": ("ephemeral_server.saved_searches.routes",),
    "task_run_states": ("ephemeral_server.states.routes",),
    "task_runs": (
        "ephemeral_server.task_runs.routes",
        "ephemeral_server.task_runs.history_routes",
        "ephemeral_server.task_workers.subscription_routes",
    ),
    "task_workers": ("ephemeral_server.task_workers.routes",),
    "ui": (
        "ephemeral_server.ui_api.flow_run_routes",
        "ephemeral_server.ui_api.task_run_routes",
        "ephemeral_server.ui_api.flow_routes",
        "ephemeral_server.ui_api.schema_routes",
    ),
    "variables": ("ephemeral_server.variables.routes",),
    "work_pools": (
        "ephemeral_server.work_pools.polling_routes",
        "ephemeral_server.work_pools.routes",
        "ephemeral_server.work_queues.pool_routes",
        "ephemeral_server.workers.routes",
        "ephemeral_server.workers.channel.routes",
    ),
    "v2": ("ephemeral_server.limits.slot_routes", "ephemeral_server.limits.routes"),
    "work_queues": ("ephemeral_server.work_queues.routes",),
}


@overload
def create_app(
    settings: Settings | None = None,
    *,
    ephemeral: Literal[True],
    ignore_cache: bool = False,
) -> EphemeralServer: ...


@overload
def create_app(
    settings: Settings | None = None,
    ephemeral: Literal[False] = False,
    ignore_cache: bool = False,
) -> FastAPI: ...


def create_app(
    settings: Settings | None = None, ephemeral: bool = False, ignore_cache: bool = False
) -> FastAPI | EphemeralServer:
    """A lasting server's application, or a running ephemeral server.

    Args:
        settings: from the environment if None.
        ephemeral: start a server with temporary data in a background thread and return its
            handle; a notebook cell may be run again and gets the same server.
        ignore_cache: never return what an earlier call with equal settings made.

    Raises:
        SettingsError: a setting has an unusable value.
        StartError: the ephemeral server could not start; the cause is chained.
    """
    settings = settings or Settings.load(ephemeral=ephemeral)
    if ephemeral:
        from ephemeral_server.embed.registry import live_server

        return live_server(settings.replace(ephemeral=True), ignore_cache)
    if ignore_cache:
        return build_app(settings)
    return _cached_app(settings)


@lru_cache(maxsize=32)
def _cached_app(settings: Settings) -> FastAPI:
    return build_app(settings)


def build_app(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """A new application for one server; its lifespan opens and closes all that the server holds.

    Args:
        settings: of this server.
        clock: where the server reads the time; the machine's clock if None.
    """
    clock = clock or SystemClock()
    csrf = CsrfTokens.random(settings.csrf_token_seconds, clock)
    api = create_api_app(
        fast_api_app_kwargs={"exception_handlers": exception_handlers(), "lifespan": None}
    )
    if settings.auth_string is not None:
        api.add_middleware(BasicAuthMiddleware, secret=settings.auth_string)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, clock, csrf) as runtime:
            app.state.runtime = api.state.runtime = runtime
            yield

    app = FastAPI(
        title="ephemeral_server",
        version=__version__,
        lifespan=lifespan,
        exception_handlers=exception_handlers(),
        **_quiet(),
    )
    app.state.settings = api.state.settings = settings
    app.state.api_app = api
    # FastAPI documents this as the way to have a document of one's own.
    app.openapi = api.openapi  # type: ignore[method-assign]
    limited = RequestLimitMiddleware(api, settings.request_limit)
    app.mount(settings.api_base_path, limited, name="api")
    app.add_middleware(ShortcutMiddleware, prefix=settings.api_base_path, mounted=limited)
    app.add_middleware(cors, settings=settings)
    if settings.csrf_protection:
        app.add_middleware(CsrfMiddleware, tokens=csrf)
    app.add_middleware(guard, settings=settings)
    return app


def create_api_app(
    dependencies: Sequence[Depends] | None = None,
    health_check_path: str = "/health",
    version_check_path: str = "/version",
    fast_api_app_kwargs: dict[str, Any] | None = None,
) -> FastAPI:
    """The API alone, to be mounted or served.

    Served by itself it runs with the settings of the environment. Mounted in another
    application it uses the runtime in its ``state``, which the outer lifespan provides
    (see `running`).

    Args:
        dependencies: FastAPI dependencies put before every route but health and version.
        health_check_path: answers true while the server lives, without touching the database.
        version_check_path: answers the version of the REST protocol.
        fast_api_app_kwargs: passed on to FastAPI; without exception handlers its own stay.
    """
    options: dict[str, Any] = {
        "title": "Prefect REST API",
        "version": __version__,
        "lifespan": _own_lifespan,
        **_quiet(),
        **(fast_api_app_kwargs or {}),
    }
    api = FastAPI(**options)
    api.state.version = OfferedVersion()
    domains = LazyRoutes(DOMAINS, dependencies or (), api.state.version.hear)
    _add_probe(api, health_check_path, "health_check", "true", bool)
    _add_probe(api, version_check_path, "server_version", f'"{API_VERSION}"', str)
    api.router.routes.insert(0, domains)  # most requests are for a domain
    # As in `build_app`.
    api.openapi = _openapi_of(api, domains)  # type: ignore[method-assign]
    api.add_middleware(InternalErrorMiddleware)
    api.add_middleware(GzipMiddleware)
    api.add_middleware(DefaultContentTypeMiddleware)
    return api


@asynccontextmanager
async def running(
    settings: Settings, clock: Clock | None = None, csrf: CsrfTokens | None = None
) -> AsyncIterator[Runtime]:
    """A runtime from its start to its end, for the lifespan of an application."""
    settings, clean_up = _with_database(settings)
    try:
        runtime = Runtime(settings, clock, csrf, temporary=_is_temporary(settings))
        await runtime.start()
        try:
            yield runtime
        finally:
            await runtime.stop()
    finally:
        clean_up()


def default_database() -> Path:
    """The file of a lasting server that was given no database."""
    from platformdirs import user_data_path

    return user_data_path("ephemeral-server", appauthor=False) / "server.db"


def _with_database(settings: Settings) -> tuple[Settings, Callable[[], None]]:
    """Settings that name a database, and what removes it again if it is temporary."""
    if settings.database_url is not None:
        return settings, lambda: None
    if settings.ephemeral:
        from ephemeral_server.embed.storage import make_directory

        directory = make_directory(settings.temp_directory)
        file = directory.path / "data.db"
        return settings.replace(database_url=f"sqlite+aiosqlite:///{file}"), directory.remove
    file = default_database()
    file.parent.mkdir(parents=True, exist_ok=True)
    return settings.replace(database_url=f"sqlite+aiosqlite:///{file}"), lambda: None


def _is_temporary(settings: Settings) -> bool:
    """Whether the database is deleted with the server."""
    if not settings.ephemeral or settings.database_url is None:
        return False
    from ephemeral_server.embed.storage import is_temporary

    return is_temporary(settings.database_url.partition("///")[2])


def _quiet() -> dict[str, Any]:
    """No spans of ours in the traces of the process we live in, where FastAPI makes them."""
    if "telemetry" in inspect.signature(FastAPI).parameters:
        return {"telemetry": {"tracing": False, "metrics": False, "logs": False}}
    return {}


def _own_lifespan(app: FastAPI) -> AbstractAsyncContextManager[None]:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with running(Settings.load()) as runtime:
            app.state.runtime = runtime
            yield

    return lifespan()


def _add_probe(api: FastAPI, path: str, name: str, answer: str, kind: type) -> None:
    async def probe(request: Request) -> JsonReply:
        return JsonReply(answer)

    api.add_api_route(path, probe, name=name, tags=["Root"], response_model=kind)


def _openapi_of(api: FastAPI, domains: LazyRoutes) -> Callable[[], dict[str, Any]]:
    """The document over all routes, also those that are not loaded yet; made once."""
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            routes: list[BaseRoute] = [r for r in api.routes if r is not domains]
            for router in domains.routers():
                routes += router.routes
            made.update(get_openapi(title=api.title, version=api.version, routes=routes))
        return made

    return openapi
