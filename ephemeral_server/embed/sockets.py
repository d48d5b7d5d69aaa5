"""The listening socket: bound where the user stands, before anything else is started."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Any

from ephemeral_server.errors import PortInUseError, StartError

_BACKLOG = 2048
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_TAKEN = {errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)}
if sys.platform == "win32":
    _TAKEN.add(errno.WSAEACCES)  # somebody else has the port to himself


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`; early clients queue until it is served.

    Args:
        host: a name or an address, IPv4 preferred.
        port: 0 lets the system choose.

    Raises:
        PortInUseError: the address is taken.
        StartError: it cannot be listened on for another reason.
    """
    try:
        family, address = _resolve(host, port)
        # asyncio sets TCP_NODELAY only on sockets that say they are TCP. Without it every
        # answer on a kept connection waits 40 ms for a delayed acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            _set_reuse(listener)
            listener.bind(address)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        if error.errno in _TAKEN:
            raise PortInUseError(
                f"Port {port} on {host} is taken by another program. Choose another one with "
                f"port=..., or port=0 to let the system choose."
            ) from error
        raise StartError(
            f"The server cannot listen on {host!r}, port {port}: {error}. The setting 'host' "
            f"must be an address of this machine, usually '127.0.0.1'."
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """``http://host:port`` by which a client on this machine reaches `listener`."""
    host, port = listener.getsockname()[:2]
    host = _ANY_ADDRESS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def close_in_child(descriptor: int) -> None:
    """Replace a descriptor that a fork copied by one on nothing.

    The object that owns the number in the child stays valid, so it cannot later close a
    file that was given the same number.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        os.dup2(nothing, descriptor, inheritable=False)
    finally:
        os.close(nothing)


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    found = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    family, _, _, _, address = found[0]
    return family, address


def _set_reuse(listener: socket.socket) -> None:
    if sys.platform == "win32":
        # SO_REUSEADDR would let two programs share a port there.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
