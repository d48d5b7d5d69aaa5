"""A small HTTP client: many keep-alive connections in one thread, nothing but sockets.

It costs a few tens of microseconds a request, so that what is measured is the server. Work is
written as generators, one for each connection: they yield a `Request` and get the body of its
answer. Only the standard library is imported, and little of it, because a cold start waits.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

#: Seconds before a request is sent again that the server had no room for.
BUSY_WAIT = 0.05
#: The status that tells that a limit has no slot left: an answer like any other.
LOCKED = 423


class Request(NamedTuple):
    """What to send: the path with its prefix, and JSON or nothing."""

    method: str
    path: str
    body: bytes = b""


#: One connection's work: yields requests, gets the bodies of their answers.
Work: TypeAlias = Generator[Request, bytes, None]


class UnexpectedAnswer(Exception):
    """An answer that is neither a success nor 423 nor 503, or that cannot be read."""


@dataclass
class Tally:
    """What happened while work was driven.

    Attributes:
        latencies: seconds from sending a request to its whole answer, each, without answers 503.
        busy: answers 503; each was asked for again.
        reconnects: connections that the server closed in between.
        abandoned: works that were not done at the deadline.
    """

    latencies: list[float] = field(default_factory=list)
    busy: int = 0
    reconnects: int = 0
    abandoned: int = 0


def drive(port: int, works: Iterable[Work], seconds: float = 60.0) -> Tally:
    """Run each work on a connection of its own, all at once, until all are done.

    Args:
        port: where the server listens on 127.0.0.1.
        works: their first request is sent at once.
        seconds: after this time what is not done is abandoned.

    Raises:
        UnexpectedAnswer: names the request and the answer.
    """
    return _Driver(port, time.perf_counter() + seconds).run(works)


def ask(port: int, request: Request) -> bytes:
    """Send one request on a new connection and give the body of its answer."""
    answers: list[bytes] = []

    def work() -> Work:
        answers.append((yield request))

    drive(port, [work()])
    return answers[0]


class _Connection:
    """A socket, the work on it and the answer that is coming in."""

    def __init__(self, port: int, work: Work) -> None:
        self.work = work
        self.request = next(work)
        self.sent_at = 0.0
        self.pausing = False
        self._port = port
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(60)
        self._received = b""

    def send(self) -> None:
        method, path, body = self.request
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.pausing = False
        self.sent_at = time.perf_counter()
        self.socket.sendall(head.encode() + body)

    def receive(self) -> tuple[int, bytes] | None:
        """Status and body once the answer is whole.

        Raises:
            ConnectionError: the server closed the connection.
        """
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionResetError("closed by the server")
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return None
        body = _body(head.lower(), rest)
        if body is None:
            return None
        self._received = b""
        return int(head[9:12]), body


class _Driver:
    def __init__(self, port: int, deadline: float) -> None:
        self._port = port
        self._deadline = deadline
        self._tally = Tally()
        self._waiting: list[tuple[float, int, _Connection]] = []

    def run(self, works: Iterable[Work]) -> Tally:
        connections = [_Connection(self._port, work) for work in works]
        active = len(connections)
        with selectors.DefaultSelector() as self._selector:
            try:
                for connection in connections:
                    self._selector.register(connection.socket, selectors.EVENT_READ, connection)
                    connection.send()
                while active and time.perf_counter() < self._deadline:
                    for key, _ in self._selector.select(self._send_due()):
                        active -= self._advance(key.data)
            finally:
                for connection in connections:
                    connection.socket.close()
        self._tally.abandoned = active
        return self._tally

    def _send_due(self) -> float:
        """Send what has waited long enough; seconds until there is something to do."""
        now = time.perf_counter()
        while self._waiting and self._waiting[0][0] <= now:
            heapq.heappop(self._waiting)[2].send()
        return min([self._deadline, *(due for due, _, _ in self._waiting[:1])]) - now

    def _advance(self, connection: _Connection) -> bool:
        """Take what came in, send what is next; whether the work is done."""
        try:
            answer = connection.receive()
        except ConnectionError:
            self._reconnect(connection)
            return False
        if answer is None:
            return False
        status, body = answer
        now = time.perf_counter()
        if status == 503:
            self._tally.busy += 1
            connection.pausing = True
            due = (now + BUSY_WAIT, id(connection), connection)
            heapq.heappush(self._waiting, due)
            return False
        if not 200 <= status < 300 and status != LOCKED:
            what = f"{connection.request.method} {connection.request.path}"
            raise UnexpectedAnswer(f"{what}: {status} {body[:300]!r}")
        self._tally.latencies.append(now - connection.sent_at)
        try:
            connection.request = connection.work.send(body)
        except StopIteration:
            self._selector.unregister(connection.socket)
            return True
        connection.send()
        return False

    def _reconnect(self, connection: _Connection) -> None:
        self._tally.reconnects += 1
        self._selector.unregister(connection.socket)
        connection.socket.close()
        connection.open()
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        if not connection.pausing:
            connection.send()


def _body(head: bytes, rest: bytes) -> bytes | None:
    """The body that begins `rest`, or None while it is not whole."""
    start = head.find(b"content-length:")
    if start >= 0:
        length = int(head[start + 15 :].split(b"\r\n", 1)[0])
        return rest[:length] if len(rest) >= length else None
    if b"transfer-encoding: chunked" not in head:
        return b""  # 204, or no body at all
    parts: list[bytes] = []
    while True:
        size, end, rest = rest.partition(b"\r\n")
        if not end:
            return None
        length = int(size, 16)
        if length == 0:
            return b"".join(parts)
        if len(rest) < length + 2:
            return None
        parts.append(rest[:length])
        rest = rest[length + 2 :]
