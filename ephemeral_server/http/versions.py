"""Which version of the protocol and of the client a request speaks."""

from __future__ import annotations

import re
from functools import lru_cache

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from ephemeral_server.orchestration.client import Client, Version
from ephemeral_server.version import API_VERSION, MINIMUM_API_VERSION, PREFECT_VERSION

#: The header that states the version of the protocol.
HEADER = "x-prefect-api-version"

_VERSION = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")
_USER_AGENT = re.compile(r"prefect/([0-9]+\.[0-9]+\.[0-9]+[a-z.+0-9]*) \(API .*\)")


def check_api_version(header: str | None) -> None:
    """Refuse a request that asks for a version of the protocol that is not spoken here.

    Args:
        header: the value of ``X-PREFECT-API-VERSION``. None, an empty text and every version
            above the oldest one are fine.

    Raises:
        HTTPException: 400, the value is no version or too old.
    """
    if not header or header == API_VERSION:
        return
    version = _parsed(header)
    if version is None:
        raise HTTPException(
            400,
            "Invalid X-PREFECT-API-VERSION header format."
            f"Expected header in format 'x.y.z' but received {header}",
        )
    if version < _MINIMUM:
        raise HTTPException(
            400,
            f"The request specified API version {header} but this server requires version "
            f"{MINIMUM_API_VERSION} or higher.",
        )


def api_version_of(request: HTTPConnection) -> Version | None:
    """The version of the protocol that a request asks for, None: it does not care."""
    header = request.headers.get(HEADER)
    return _parsed(header) if header else None


def client_version_of(request: HTTPConnection) -> str | None:
    """The version of the Prefect client that sent a request (``3.8.8``), None: unknown.

    It is taken from ``User-Agent: prefect/<version> (API <…>)`` and from nothing else.
    """
    return _version_in(request.headers.get("user-agent"))


def client_of(request: HTTPConnection) -> Client:
    """Who sent a request."""
    return Client(api_version_of(request), client_version_of(request))


def _version_in(user_agent: str | None) -> str | None:
    match = _USER_AGENT.fullmatch(user_agent or "")
    return match[1] if match else None


@lru_cache(maxsize=64)
def _parsed(text: str) -> Version | None:
    match = _VERSION.fullmatch(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


_MINIMUM: Version = (0, 8, 0)


class OfferedVersion:
    """The version of Prefect that clients are told they talk to.

    It is ours, or that of the newest client of the same major version: what changes between such
    releases is told by the version of the protocol, and a client warns of every older server.
    It is learned from every request, since the parts of a client that send events or watch logs
    ask for it too, and do not say their own.

    Attributes:
        text: the version.
    """

    def __init__(self) -> None:
        self.text, self._release = PREFECT_VERSION, _parsed(PREFECT_VERSION)
        self._last: str | None = None

    def hear(self, user_agent: str | None) -> None:
        """Learn from who sends a request."""
        if user_agent == self._last:
            return
        self._last = user_agent
        client = _version_in(user_agent)
        match = _VERSION.match(client or "")
        theirs, ours = _parsed(match[0]) if match else None, self._release
        if client and theirs and ours and theirs > ours and theirs[0] == ours[0]:
            self.text, self._release = client, theirs
