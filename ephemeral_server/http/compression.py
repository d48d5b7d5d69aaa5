"""Compressed answers."""

from __future__ import annotations

import asyncio
import re
import zlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ephemeral_server.http.asgi import Header, headers

#: Smaller bodies are sent as they are.
MINIMUM_BYTES = 500

# A list of 200 flow runs (182 kB of JSON) takes 1.0 ms and shrinks to 36 kB at level 1, takes
# 2.6 ms for 32 kB at level 5 and 4.7 ms for 31.7 kB at level 9.
_LEVEL = 1

# The loop serves others after each piece of this size, so it never stands still for long
# (half a megabyte takes 3 ms).
_PIECE = 524_288

_GZIP = 16 + zlib.MAX_WBITS
_COMPRESSIBLE = re.compile(rb"text/(?!event-stream)|.*(json|javascript|xml)", re.IGNORECASE)


class GzipMiddleware:
    """Compresses bodies of text of `minimum_size` bytes or more for clients that accept gzip.

    A stream is compressed piece by piece, and each piece leaves at once. Answers that are
    compressed already, parts of files (206) and server-sent events pass as they are.

    Args:
        app: whose answers to compress.
        minimum_size: in bytes.
    """

    def __init__(self, app: ASGIApp, minimum_size: int = MINIMUM_BYTES) -> None:
        self.app = app
        self.minimum_size = minimum_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _accepts_gzip(scope):
            send = _Answer(send, self.minimum_size).send
        await self.app(scope, receive, send)


class _Answer:
    """One answer on its way out."""

    def __init__(self, send: Send, minimum_size: int) -> None:
        self._send = send
        self._minimum_size = minimum_size
        self._start: Message | None = None  # held back until the first piece of the body is known
        self._stream: zlib._Compress | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_compressible(message):
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            if message["type"] == "http.response.body":
                start = self._begin(start, message)
            if self._stream is not None and not message.get("more_body", False):
                body = await self._compress(message.get("body", b""), zlib.Z_FINISH)
                length = (b"content-length", str(len(body)).encode())
                await self._send({**start, "headers": [*start["headers"], length]})
                await self._send({**message, "body": body})
                return
            await self._send(start)
        if self._stream is not None and message["type"] == "http.response.body":
            more = message.get("more_body", False)
            flush = zlib.Z_SYNC_FLUSH if more else zlib.Z_FINISH
            message = {**message, "body": await self._compress(message.get("body", b""), flush)}
        await self._send(message)

    def _begin(self, start: Message, first: Message) -> Message:
        """Decide about the answer by the first piece of its body; the start to send."""
        if not first.get("more_body", False) and len(first.get("body", b"")) < self._minimum_size:
            return start
        self._stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        kept: list[Header] = [
            (name, value)
            for name, value in start["headers"]
            if name.lower() not in (b"content-length", b"vary")
        ]
        varies = [value for name, value in start["headers"] if name.lower() == b"vary"]
        vary = b", ".join([*varies, b"Accept-Encoding"])
        return {**start, "headers": [*kept, (b"content-encoding", b"gzip"), (b"vary", vary)]}

    async def _compress(self, body: bytes, flush: int) -> bytes:
        assert self._stream is not None
        pieces = []
        for at in range(0, len(body), _PIECE):
            if at:
                await asyncio.sleep(0)
            pieces.append(self._stream.compress(body[at : at + _PIECE]))
        pieces.append(self._stream.flush(flush))
        return b"".join(pieces)


def _accepts_gzip(scope: Scope) -> bool:
    for value in headers(scope, b"accept-encoding"):
        for part in value.lower().split(","):
            coding, _, quality = part.partition(";")
            if coding.strip() == "gzip":
                return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _is_compressible(start: Message) -> bool:
    if start["status"] == 206:
        return False
    kind = b""
    for name, value in start.get("headers", ()):
        name = name.lower()
        if name == b"content-encoding":
            return False
        if name == b"content-type":
            kind = value
    return _COMPRESSIBLE.match(kind) is not None
