"""`SubprocessASGIServer`: one server a port, in a child process."""

from __future__ import annotations

import os
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from ephemeral_server import SubprocessASGIServer
from ephemeral_server.errors import NotRunningError, PortInUseError, StartError

pytestmark = pytest.mark.one_python


@pytest.fixture
def free_port() -> int:
    """A port that was free a moment ago, outside the range the system hands out by itself."""
    with socket.socket() as probe:
        for port in range(20000, 30000):
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def health(server: SubprocessASGIServer) -> bytes:
    """The answer of the server's health check."""
    with urllib.request.urlopen(f"{server.api_url}/health", timeout=10) as answer:
        content: bytes = answer.read()
    return content


def test_it_serves_while_its_block_lasts(free_port: int) -> None:
    with SubprocessASGIServer(free_port) as server:
        assert server.running
        assert server.port == free_port
        assert server.address == f"http://127.0.0.1:{free_port}"
        assert server.api_url == f"http://127.0.0.1:{free_port}/api"
        assert health(server) == b"true"
    assert not server.running


def test_the_system_chooses_the_port_unless_told() -> None:
    with SubprocessASGIServer() as server:
        assert server.address == f"http://127.0.0.1:{server.port}"
        assert health(server) == b"true"


def test_a_port_has_one_instance_until_it_is_stopped(free_port: int) -> None:
    one = SubprocessASGIServer(free_port)
    assert SubprocessASGIServer(free_port) is one
    assert SubprocessASGIServer() is not one
    one.stop()
    other = SubprocessASGIServer(free_port)
    assert other is not one
    other.stop()
    SubprocessASGIServer().stop()


def test_threads_that_ask_at_once_get_the_same_instance_and_the_same_server() -> None:
    def start(_: int) -> SubprocessASGIServer:
        server = SubprocessASGIServer()
        server.start()
        return server

    with ThreadPoolExecutor(4) as pool:
        servers = set(pool.map(start, range(4)))
    assert len(servers) == 1
    servers.pop().stop()


def test_starting_it_again_does_nothing() -> None:
    with SubprocessASGIServer() as server:
        address = server.address
        server.start()
        assert server.address == address


def test_it_can_be_stopped_before_it_was_started_and_twice() -> None:
    server = SubprocessASGIServer()
    server.stop()
    server.stop()
    assert not server.running


def test_a_start_is_bounded_in_time() -> None:
    server = SubprocessASGIServer()
    with pytest.raises(StartError, match=r"0\.05 s"):
        server.start(timeout=0.05)
    assert not server.running
    server.stop()


def test_a_taken_port_is_an_error_and_no_other_is_chosen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = SubprocessASGIServer(taken.getsockname()[1])
        with pytest.raises(PortInUseError):
            server.start()
        server.stop()


def test_the_port_is_unknown_before_the_system_has_chosen_it() -> None:
    server = SubprocessASGIServer()
    with pytest.raises(NotRunningError, match="start it first"):
        server.address  # noqa: B018
    server.stop()


def test_it_does_not_point_the_client_of_this_process_at_itself() -> None:
    with SubprocessASGIServer():
        assert "PREFECT_API_URL" not in os.environ
