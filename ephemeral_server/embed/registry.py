"""The live servers of ``create_app(ephemeral=True)``: running a cell again gives the same one.

They are kept until they are shut down or the process ends, also if the caller keeps no
reference: ``create_app(ephemeral=True)`` as a line by itself starts a server that stays.
"""

from __future__ import annotations

import threading

from ephemeral_server.embed import lifetime
from ephemeral_server.embed.handle import EphemeralServer
from ephemeral_server.settings import Settings


def live_server(settings: Settings, ignore_cache: bool = False) -> EphemeralServer:
    """The running server with these settings, started now if there is none.

    Args:
        settings: equal settings mean the same server.
        ignore_cache: start a new one in any case; it is the one that later calls get.

    Raises:
        StartError: it could not start; the cause is chained.
    """
    lifetime.forget_on_fork(_forget)
    settings = settings.replace(ephemeral=True)
    with _lock_for(settings):
        server = _servers.get(settings)
        if server is not None and server.is_running and not ignore_cache:
            return server
        _servers.pop(settings, None)
        if server is not None and not server.is_running:
            server.shutdown()  # its process died, say: what it left goes first
        server = EphemeralServer(settings).start()
        _servers[settings] = server
        return server


_servers: dict[Settings, EphemeralServer] = {}
# A lock for each settings: two threads that ask at once get one server, and a slow start
# delays nobody who asks for another.
_locks: dict[Settings, threading.Lock] = {}


def _lock_for(settings: Settings) -> threading.Lock:
    return _locks.setdefault(settings, threading.Lock())


def _forget() -> None:
    """In a forked child: these are the parent's servers, and a lock may be held for ever."""
    _servers.clear()
    _locks.clear()
