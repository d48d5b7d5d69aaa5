"""The benchmarks' HTTP client, against a server that answers from a script."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.benchmarks.wire import Request, Tally, UnexpectedAnswer, Work, ask, drive

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
GET = Request("GET", "/thing")


class ScriptedServer:
    """Answers the n-th request with the n-th answer; None closes the connection instead."""

    def __init__(self, answers: list[bytes | None]) -> None:
        self.requests: list[bytes] = []
        self._answers = iter(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # the test is over
                return
            with connection:
                while data := connection.recv(65536):
                    if data == b"the end":
                        return
                    self.requests.append(data)
                    answer = next(self._answers)
                    if answer is None:
                        break
                    connection.sendall(answer)

    def close(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            last.sendall(b"the end")
        self._listener.close()


@contextmanager
def scripted(*answers: bytes | None) -> Iterator[ScriptedServer]:
    server = ScriptedServer(list(answers))
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def run(server: ScriptedServer, *requests: Request) -> tuple[list[bytes], Tally]:
    bodies: list[bytes] = []

    def work() -> Work:
        for request in requests:
            bodies.append((yield request))

    return bodies, drive(server.port, [work()])


def test_a_request_carries_method_path_and_body() -> None:
    with scripted(OK) as server:
        assert ask(server.port, Request("POST", "/thing", b"{}")) == b"ok"

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /thing HTTP/1.1\r\n")
    assert b"Content-Length: 2" in head
    assert body == b"{}"


def test_requests_follow_each_other_on_one_connection() -> None:
    with scripted(OK, OK, OK) as server:
        bodies, tally = run(server, GET, GET, GET)

    assert bodies == [b"ok"] * 3
    assert (len(tally.latencies), tally.reconnects) == (3, 0)


def test_a_chunked_body_is_put_together() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n"
    )
    with scripted(chunked) as server:
        assert ask(server.port, GET) == b"abcdef"


def test_a_busy_answer_is_counted_and_asked_for_again() -> None:
    with scripted(BUSY, BUSY, OK) as server:
        bodies, tally = run(server, GET)

    assert bodies == [b"ok"]
    assert tally.busy == 2


def test_a_closed_connection_is_counted_and_opened_again() -> None:
    with scripted(OK, None, OK) as server:
        bodies, tally = run(server, GET, GET)

    assert bodies == [b"ok", b"ok"]
    assert tally.reconnects == 1


def test_any_other_answer_ends_the_measurement_and_is_shown() -> None:
    wrong = b"HTTP/1.1 422 Unprocessable\r\nContent-Length: 5\r\n\r\nwrong"
    with (
        scripted(wrong) as server,
        pytest.raises(UnexpectedAnswer, match=r"GET /thing: 422.*wrong"),
    ):
        run(server, GET)


def test_what_is_not_done_at_the_deadline_is_abandoned() -> None:
    def work() -> Work:
        while True:
            yield GET

    with scripted(*[BUSY] * 10) as server:
        tally = drive(server.port, [work()], seconds=0.12)

    assert tally.abandoned == 1
