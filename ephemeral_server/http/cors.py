"""Answers that web pages of other origins may read."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from ephemeral_server.settings import Settings


def cors(app: ASGIApp, settings: Settings) -> CORSMiddleware:
    """CORS for the origins, methods and headers of `settings`.

    Each is a list separated by commas, blanks around the entries do not count, and ``*`` is
    everything. Credentials (cookies) are never allowed. A preflight holds for ten minutes.
    """
    return CORSMiddleware(
        app,
        allow_origins=_listed(settings.cors_origins),
        allow_methods=_listed(settings.cors_methods),
        allow_headers=_listed(settings.cors_headers),
    )


def _listed(text: str) -> list[str]:
    return [entry for entry in (part.strip() for part in text.split(",")) if entry]
