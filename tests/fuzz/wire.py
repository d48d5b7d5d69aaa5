"""A client that sends bytes, not requests."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from types import TracebackType
from typing import Any, NamedTuple

PATIENCE = 10.0  # seconds; only a server that forgets its client takes as long


class Answer(NamedTuple):
    """An HTTP answer. Its body is JSON, or text where the server below the API answers."""

    status: int
    body: Any


class Wire:
    """One TCP connection to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def finish(self) -> None:
        """Say that nothing more will be sent; answers can still be read."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break the connection off."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._file.close()
        self._socket.close()

    def answers(self, count: int) -> list[Answer]:
        """The next answers; fewer if the server closes the connection."""
        found: list[Answer] = []
        while len(found) < count and not self.is_closed():
            source: Any = _Source(self._file)
            response = http.client.HTTPResponse(source)
            response.begin()
            found.append(Answer(response.status, _parsed(response)))
        return found

    def is_closed(self) -> bool:
        """Whether the server closes the connection without sending anything more."""
        try:
            return not self._file.peek(1)
        except ConnectionResetError:
            return True


class _Source:
    """What `http.client` takes for a socket and its file: the next answer comes from the same."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def makefile(self, mode: str) -> _Source:
        return self

    def close(self) -> None:
        """It goes on."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _parsed(response: http.client.HTTPResponse) -> Any:
    content = response.read()
    if response.headers.get_content_type() == "application/json":
        return json.loads(content)
    return content.decode()


def request(
    method: str,
    path: str,
    body: bytes = b"",
    *,
    headers: bytes = b"content-type: application/json\r\n",
    length: bytes | None = None,
) -> bytes:
    """A request as bytes; `headers` end with a line break each."""
    length = str(len(body)).encode() if length is None else length
    start = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n".encode()
    return start + headers + b"content-length: " + length + b"\r\n\r\n" + body


def chunked(path: str, body: bytes) -> bytes:
    """The beginning of a POST whose body comes in chunks, and as its rest `body` as it is."""
    start = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n".encode()
    headers = b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    return start + headers + body
