"""shutdown() ends everything, in order and in bounded time, from wherever it is called."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ephemeral_server import EphemeralServer, Settings, ephemeral
from ephemeral_server.errors import ShutdownError, WrongLoopError
from tests.embed.support import application, get


@pytest.fixture
def server() -> Iterator[EphemeralServer]:
    with ephemeral(activate=False) as running:
        yield running


@contextmanager
def slow_server(
    seconds: float, shutdown_timeout: float = 5.0
) -> Iterator[tuple[EphemeralServer, list[str]]]:
    """A server with a route ``/slow``, and what happened to its requests."""
    happened: list[str] = []
    arrived = threading.Event()

    async def slow() -> str:
        arrived.set()
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            happened.append("cancelled")
            raise
        happened.append("finished")
        return "answer"

    async def stop() -> None:
        happened.append("stopped")

    build = application(stop=stop, routes={"/slow": slow})
    given = Settings.load(ephemeral=True, activate=False, shutdown_timeout=shutdown_timeout)
    with EphemeralServer(given, build=build) as server:
        answers: list[str] = []
        client = threading.Thread(target=_ask, args=(f"{server.url}/slow", answers))
        client.start()
        assert arrived.wait(10)
        yield server, happened
        client.join()
        happened.extend(answers)


def seconds_to_shut_down(server: EphemeralServer, timeout: float | None = None) -> float:
    began = time.monotonic()
    server.shutdown(timeout)
    return time.monotonic() - began


def test_an_idle_server_ends_within_a_tenth_of_a_second() -> None:
    """The best of three, since machines stumble."""
    servers = [ephemeral(activate=False).start() for _ in range(3)]
    assert min([seconds_to_shut_down(server) for server in servers]) < 0.1


def test_an_idle_connection_does_not_delay_the_end(server: EphemeralServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/api/health")
    assert json.loads(connection.getresponse().read()) is True
    assert seconds_to_shut_down(server) < 1
    connection.close()


def test_a_connection_without_a_request_does_not_delay_the_end(server: EphemeralServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.connect()
    assert seconds_to_shut_down(server) < 1
    connection.close()


def test_an_open_websocket_is_told_that_the_service_restarts(server: EphemeralServer) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    address = f"ws://127.0.0.1:{server.port}/api/events/in"
    with connect(address, proxy=None) as socket:
        assert seconds_to_shut_down(server) < 1
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(timeout=5)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1012


@pytest.mark.parametrize("mode", ["thread", "process"])
def test_queued_events_are_written_while_connections_are_open(mode: str, tmp_path: Path) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    file = tmp_path / "data.db"
    url = f"sqlite+aiosqlite:///{file}"
    server = ephemeral(mode=mode, database_url=url, activate=False).start()
    idle = http.client.HTTPConnection("127.0.0.1", server.port)
    idle.request("GET", "/api/health")
    assert json.loads(idle.getresponse().read()) is True
    took: list[float] = []
    ender = threading.Thread(target=lambda: took.append(seconds_to_shut_down(server)))
    with (
        connect(f"{server.api_url}/events/in".replace("http", "ws", 1), proxy=None) as stream,
        closing(sqlite3.connect(file, isolation_level=None)) as database,
    ):
        database.execute("BEGIN IMMEDIATE")  # so the server cannot write what it queues
        for number in range(300):
            stream.send(an_event(number))
        assert stream.ping().wait(10)  # it has read all of them
        ender.start()
        with pytest.raises(ConnectionClosed):
            stream.recv(timeout=10)  # it is about to end
        assert database.execute("SELECT count(*) FROM event").fetchone() == (0,)
        database.execute("ROLLBACK")
        ender.join()
        assert database.execute("SELECT count(*) FROM event").fetchone() == (300,)
    idle.close()
    assert took[0] < server.settings.shutdown_timeout
    assert not server.is_running


def test_a_malformed_websocket_does_not_keep_the_application_from_stopping() -> None:
    happened: list[str] = []

    async def stop() -> None:
        happened.append("stopped")

    given = Settings.load(ephemeral=True, activate=False)
    with EphemeralServer(given, build=application(stop=stop)) as server:
        client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        client.sendall(
            b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n"
            b"upgrade: websocket\r\ncontent-length: 3\r\n\r\nabc"
        )
        get(f"{server.url}/openapi.json")  # the server has read what came before
    assert happened == ["stopped"]
    assert client.recv(1) == b""
    client.close()


def test_a_request_in_work_is_answered_first() -> None:
    with slow_server(seconds=0.2) as (server, happened):
        server.shutdown()
    assert happened == ["finished", "stopped", "answer"]


def test_a_request_that_takes_too_long_is_cut_off_and_the_application_still_stops() -> None:
    with slow_server(seconds=60) as (server, happened):
        assert seconds_to_shut_down(server, timeout=1.5) < 5
    assert happened[:2] == ["cancelled", "stopped"]


def test_the_time_of_a_shutdown_is_a_setting() -> None:
    with slow_server(seconds=60, shutdown_timeout=0.5) as (server, _):
        assert seconds_to_shut_down(server) < 3


def test_an_application_that_does_not_stop_is_cut_off() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    settings = Settings.load(ephemeral=True, activate=False)
    server = EphemeralServer(settings, build=application(stop=hang)).start()
    assert seconds_to_shut_down(server, timeout=0.5) < 3
    assert not server.is_running


def test_a_thread_that_cannot_end_is_reported_with_what_it_does() -> None:
    release = threading.Event()

    async def block_the_loop() -> None:
        release.wait(30)

    settings = Settings.load(ephemeral=True, activate=False)
    server = EphemeralServer(settings, build=application(stop=block_the_loop)).start()
    directory = server.directory
    try:
        with pytest.raises(ShutdownError, match="block_the_loop"):
            server.shutdown(timeout=0.1)
        assert not directory.exists()
    finally:
        release.set()


def test_an_error_of_the_application_while_it_stops_does_not_keep_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("while stopping")

    settings = Settings.load(ephemeral=True, activate=False)
    server = EphemeralServer(settings, build=application(stop=fail)).start()
    server.shutdown()
    assert not server.is_running
    assert "while stopping" in caplog.text


def test_shutting_down_again_does_nothing(server: EphemeralServer) -> None:
    server.shutdown()
    server.shutdown()
    assert not server.is_running


def test_shutting_down_what_was_never_started_does_nothing() -> None:
    ephemeral().shutdown()


def test_another_thread_may_shut_down(server: EphemeralServer) -> None:
    thread = threading.Thread(target=server.shutdown)
    thread.start()
    thread.join(10)
    assert not server.is_running


def test_many_threads_may_shut_down_at_once(server: EphemeralServer) -> None:
    directory = server.directory
    seen: list[object] = []

    def shut_down() -> None:
        try:
            server.shutdown()
            seen.append(directory.exists())  # whoever returns finds all of it done
        except Exception as error:  # reported by the test, not by the thread
            seen.append(error)

    threads = [threading.Thread(target=shut_down) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert seen == [False] * 8


def test_a_running_loop_may_await_the_end(server: EphemeralServer) -> None:
    asyncio.run(server.ashutdown())
    assert not server.is_running


def test_a_running_loop_may_shut_down_without_awaiting(server: EphemeralServer) -> None:
    async def main() -> None:
        server.shutdown()

    asyncio.run(main())
    assert not server.is_running


def test_the_own_loop_of_a_server_may_not_wait_for_its_end() -> None:
    errors: list[BaseException] = []

    async def end() -> None:
        try:
            handle.shutdown()
        except WrongLoopError as error:
            errors.append(error)

    settings = Settings.load(ephemeral=True, activate=False)
    handle = EphemeralServer(settings, build=application(routes={"/end": end}))
    with handle:
        get(f"{handle.url}/end")
        assert handle.is_running
    assert "Call it from another thread" in str(errors[0])


def an_event(number: int) -> str:
    """As a client sends it."""
    event = {
        "occurred": "2026-03-01T12:00:00Z",
        "event": "test.queued",
        "resource": {"prefect.resource.id": f"test.{number}"},
        "id": str(uuid.uuid4()),
    }
    return json.dumps(event)


def _ask(url: str, answers: list[str]) -> None:
    try:
        answers.append(get(url))
    except OSError:
        answers.append("no answer")
