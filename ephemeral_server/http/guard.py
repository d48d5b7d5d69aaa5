"""Keeps foreign web pages away from a server on the user's machine.

A page that the user visits can send requests to a server on the loopback address, in two
ways. It can simply post to it (then the browser names the page in ``Origin``), or it can make
its own name resolve to the loopback address and read the answers, too (DNS rebinding; then
``Host`` holds the page's name). So both headers must name a host that belongs here.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from ephemeral_server.errors import SettingsError
from ephemeral_server.http.asgi import headers, refuse
from ephemeral_server.settings import Settings

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z_]([0-9a-z_.-]*[0-9a-z_])?)\.?(?::[0-9]{1,5})?")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(.+)")
_LONGEST_SHOWN = 200


def guard(app: ASGIApp, settings: Settings) -> HostGuardMiddleware:
    """The guard that `settings` ask for: ``allowed_hosts``, ``host`` and ``cors_origins``.

    Raises:
        SettingsError: an entry of ``allowed_hosts`` is not a host.
    """
    origins = "" if "*" in _listed(settings.cors_origins) else settings.cors_origins
    return HostGuardMiddleware(app, settings.allowed_hosts, settings.host, origins)


class HostGuardMiddleware:
    """Refuses requests and WebSockets whose ``Host`` or ``Origin`` names a foreign host.

    Always accepted are the loopback names (``localhost``, ``*.localhost``, ``127.0.0.0/8``,
    ``[::1]``) and the host that the server is bound to, with any port. A server that is bound
    to all addresses (``0.0.0.0`` or ``::``) has no host of its own: it also accepts a ``Host``
    that is a bare IP address, since a rebound name is never one. The *names* under which such
    a server is reached (a DNS name, a container, a notebook proxy) must be allowed.

    An ``Origin`` passes if its host is accepted in this way, if it is the request's own
    ``Host`` (the page came from here), or if it is one of `origins`. The origin ``null`` is
    what any page can show by way of a sandboxed frame, so it is foreign. Requests without
    ``Origin`` or without ``Host`` do not come from a web page and pass.

    Args:
        app: what to protect.
        allowed: further hosts, separated by commas; ``*.example.com`` allows every name below
            ``example.com``, ``*`` turns the guard off.
        bound: the host that the server listens on.
        origins: further full origins (``https://ui.example.com``), separated by commas.

    Raises:
        SettingsError: an entry of `allowed` is not a host.
    """

    def __init__(
        self, app: ASGIApp, allowed: str = "", bound: str = "127.0.0.1", origins: str = ""
    ) -> None:
        self.app = app
        entries = _listed(allowed)
        self._open = "*" in entries
        self._hosts = frozenset(_entry(e) for e in (*entries, _in_brackets(bound)) if e != "*")
        self._origins = frozenset(entry.rstrip("/") for entry in _listed(origins))
        self._bound_to_all = bound in ("", "0.0.0.0", "::")
        # The same few headers come with every request; a foreigner cannot fill the memory.
        self._host_fits = lru_cache(maxsize=256)(self._check_host)
        self._origin_fits = lru_cache(maxsize=256)(self._check_origin)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._open or scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        hosts, origins = headers(scope, b"host"), headers(scope, b"origin")
        for host in hosts:
            if host and not self._host_fits(host):
                await refuse(scope, receive, send, _refusal("Host", host))
                return
        for origin in origins:
            if not self._origin_fits(origin, hosts[0] if hosts else ""):
                await refuse(scope, receive, send, _refusal("Origin", origin))
                return
        await self.app(scope, receive, send)

    def _check_host(self, value: str) -> bool:
        host = _host(value)
        if host is None:
            return False
        return self._is_ours(host) or (self._bound_to_all and _address(host) is not None)

    def _check_origin(self, value: str, host: str) -> bool:
        value = value.lower()
        if value in self._origins:
            return True
        match = _ORIGIN.fullmatch(value)
        name = _host(match[1]) if match else None
        if name is None:
            return False
        # Ports count here: another port of a shared machine is another user's page.
        return self._is_ours(name) or (match is not None and match[1] == host.lower())

    def _is_ours(self, host: str) -> bool:
        if host in self._hosts or host == "localhost" or host.endswith(".localhost"):
            return True
        address = _address(host)
        if address is not None:
            return address.is_loopback
        return any(e.startswith("*.") and host.endswith(e[1:]) for e in self._hosts)


def _listed(text: str) -> list[str]:
    return [entry for entry in (part.strip().lower() for part in text.split(",")) if entry]


def _host(value: str) -> str | None:
    """The host of a ``Host`` header without port and final dot, None if it is malformed."""
    match = _HOST.fullmatch(value.lower())
    return match[1] if match else None


def _entry(value: str) -> str:
    """One entry of the allowed hosts in the form that `_host` gives."""
    wildcard = "*." if value.startswith("*.") else ""
    host = _host(_in_brackets(value[len(wildcard) :]))
    if host is None:
        raise SettingsError(
            f"Setting 'allowed_hosts' must hold hosts such as 'example.com', '*.example.com' or "
            f"'192.0.2.7', separated by commas, or '*', not {value!r}."
        )
    return wildcard + host


def _in_brackets(host: str) -> str:
    """An IPv6 address as it stands in a URL; anything else as it is."""
    return f"[{host.partition('%')[0]}]" if host.count(":") > 1 and host[0] != "[" else host


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _refusal(name: str, value: str) -> str:
    shown = value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…"
    return (
        f"The {name} header {shown!r} names a host that is not served here. If this is you, add "
        "the host to the setting 'allowed_hosts' (EPHEMERAL_SERVER_ALLOWED_HOSTS)."
    )
