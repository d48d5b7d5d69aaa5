"""HTTP clients for servers on this machine.

They go through no proxy that the environment names, are patient with a slow machine, and load no
certificates, which would take longer than most tests.
"""

from __future__ import annotations

from typing import Any

import httpx

_LOCAL: dict[str, Any] = {"trust_env": False, "verify": False, "timeout": 30}


def client(base_url: str, **given: Any) -> httpx.Client:
    """A client whose paths begin below `base_url`."""
    return httpx.Client(base_url=base_url, **_LOCAL, **given)


def async_client(base_url: str, **given: Any) -> httpx.AsyncClient:
    """The same for coroutines."""
    return httpx.AsyncClient(base_url=base_url, **_LOCAL, **given)


def get(url: str, **given: Any) -> httpx.Response:
    """What one request is answered."""
    return httpx.get(url, **_LOCAL, **given)


def post(url: str, **given: Any) -> httpx.Response:
    """What one request is answered."""
    return httpx.post(url, **_LOCAL, **given)
