"""The first request to a server, over a plain socket, to be asked for as early as possible."""

from __future__ import annotations

import socket


def first_answer(port: int, path: str, body: bytes = b"") -> bytes:
    """Wait for the answer to one request; it may be sent before the server accepts.

    Args:
        port: where the server listens, or is about to, on 127.0.0.1.
        path: asked for with GET, or with POST where there is a body.
        body: JSON.

    Raises:
        SystemExit: the answer is no success; holds the answer.
    """
    method = "POST" if body else "GET"
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head.encode() + body)
        while data := connection.recv(65536):
            answer += data
    if not answer.startswith(b"HTTP/1.1 2"):
        raise SystemExit(f"{path}: {answer[:300]!r}")
    return answer
