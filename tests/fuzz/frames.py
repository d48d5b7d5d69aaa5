"""A WebSocket client that may break every rule of the protocol."""

from __future__ import annotations

import struct
from typing import NamedTuple

from ephemeral_server import EphemeralServer
from tests.fuzz.wire import Wire

CONTINUATION, TEXT, BINARY, CLOSE, PING = 0, 1, 2, 8, 9

EVENTS, LOGS = "/api/events/in", "/api/logs/out"
SUBSCRIPTION = "/api/task_runs/subscriptions/scheduled"
CHANNEL = "/api/work_pools/pool/workers/connect"

GREETING = '{"type":"auth","token":null}'
WELCOME = b'{"type":"auth_success"}'

_MASK = b"\x01\x02\x03\x04"


class Closed(NamedTuple):
    """How the server ended a connection."""

    code: int | None
    reason: str


def upgrade(path: str = EVENTS, **changes: str | None) -> bytes:
    """The request that begins a WebSocket; a change to None leaves the header out."""
    headers = {
        "host": "127.0.0.1",
        "upgrade": "websocket",
        "connection": "upgrade",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "sec-websocket-version": "13",
        "sec-websocket-protocol": "prefect",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value is not None]
    return f"GET {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


def frame(
    kind: int,
    content: bytes | str = b"",
    *,
    last: bool = True,
    reserved: int = 0,
    masked: bool = True,
    length: int | None = None,
) -> bytes:
    """One frame.

    Args:
        kind: its opcode.
        content: its payload.
        last: whether the message ends with it.
        reserved: the three bits that mean nothing, as a number.
        masked: as a client must.
        length: what the frame says of itself, if it lies.
    """
    data = content.encode() if isinstance(content, str) else content
    size = len(data) if length is None else length
    if size < 126:
        stated, extension = size, b""
    elif size < 2**16:
        stated, extension = 126, struct.pack("!H", size)
    else:
        stated, extension = 127, struct.pack("!Q", size)
    head = bytes([last << 7 | reserved << 4 | kind, masked << 7 | stated]) + extension
    if not masked:
        return head + data
    key = int.from_bytes((_MASK * (len(data) // 4 + 1))[: len(data)], "big")
    return head + _MASK + (int.from_bytes(data, "big") ^ key).to_bytes(len(data), "big")


class RawWebSocket(Wire):
    """A connection to the WebSocket at a path."""

    def __init__(self, server: EphemeralServer, path: str = EVENTS) -> None:
        super().__init__(server.port)
        self.send(upgrade(path))
        status = self._file.readline()
        assert status.startswith(b"HTTP/1.1 101"), status
        while self._file.readline() != b"\r\n":
            pass

    def __enter__(self) -> RawWebSocket:
        return self

    def greet(self) -> None:
        """Do what every client does first."""
        self.send(frame(TEXT, GREETING))
        assert self.receive() == WELCOME

    def receive(self) -> bytes | Closed:
        """The content of the next frame."""
        kind, size = self._file.read(2)
        if size == 126:
            (size,) = struct.unpack("!H", self._file.read(2))
        content = self._file.read(size)
        if kind & 15 != CLOSE:
            return content
        code = struct.unpack("!H", content[:2])[0] if content else None
        return Closed(code, content[2:].decode())
