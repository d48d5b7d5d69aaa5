"""A workflow-orchestration API server inside a notebook or a script.

::

    from ephemeral_server import create_app, ephemeral

    server = create_app(ephemeral=True)  # running, in a background thread
    with ephemeral() as server:  # a server for one block
        ...

Names are imported on first use, so ``import ephemeral_server`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ephemeral_server.version import __version__

if TYPE_CHECKING:
    from ephemeral_server.application import create_api_app, create_app
    from ephemeral_server.embed import EphemeralServer, ephemeral
    from ephemeral_server.embed.process import SubprocessASGIServer
    from ephemeral_server.http.errors import (
        custom_internal_exception_handler,
        integrity_exception_handler,
        prefect_object_not_found_exception_handler,
        validation_exception_handler,
    )
    from ephemeral_server.http.limits import RequestLimitMiddleware
    from ephemeral_server.http.spa import SPAStaticFiles, replace_placeholder_string_in_files
    from ephemeral_server.settings import Settings

__all__ = [
    "EphemeralServer",
    "RequestLimitMiddleware",
    "SPAStaticFiles",
    "Settings",
    "SubprocessASGIServer",
    "__version__",
    "create_api_app",
    "create_app",
    "custom_internal_exception_handler",
    "ephemeral",
    "integrity_exception_handler",
    "prefect_object_not_found_exception_handler",
    "replace_placeholder_string_in_files",
    "validation_exception_handler",
]

_HOMES = {
    "EphemeralServer": "embed",
    "RequestLimitMiddleware": "http.limits",
    "SPAStaticFiles": "http.spa",
    "Settings": "settings",
    "SubprocessASGIServer": "embed.process",
    "create_api_app": "application",
    "create_app": "application",
    "custom_internal_exception_handler": "http.errors",
    "ephemeral": "embed",
    "integrity_exception_handler": "http.errors",
    "prefect_object_not_found_exception_handler": "http.errors",
    "replace_placeholder_string_in_files": "http.spa",
    "validation_exception_handler": "http.errors",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
