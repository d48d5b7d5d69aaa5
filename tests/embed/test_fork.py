"""A child process never uses, keeps or deletes the server of its parent."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ephemeral_server import EphemeralServer, create_app, ephemeral
from tests.embed.support import get, refuses_connections, run_script

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    # Python warns about a fork beside threads from 3.12 on; that is what is tested here.
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

QUIET = ("-W", "ignore::DeprecationWarning")


@pytest.fixture
def server() -> Iterator[EphemeralServer]:
    with ephemeral(activate=False) as running:
        yield running


def in_child(work: Callable[[], object]) -> str:
    """What `work` returns or raises in a forked child, as text."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            said = repr(work())
        except BaseException as error:
            said = repr(error)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    with open(read) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


@contextmanager
def living_child() -> Iterator[None]:
    """A forked child that has come to life and lives until the end of the block."""
    read, write = os.pipe()
    alive, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(write)
        os.close(tell)
        os.read(read, 1)  # until the parent closes its end
        os._exit(0)
    os.close(read)
    os.close(tell)
    os.read(alive, 1)  # until the child closes its end
    os.close(alive)
    try:
        yield
    finally:
        os.close(write)
        os.waitpid(pid, 0)


def test_in_a_child_the_handle_does_not_run(server: EphemeralServer) -> None:
    assert in_child(lambda: server.is_running) == "False"


@pytest.mark.parametrize(
    "use",
    [
        lambda server: server.url,
        lambda server: server.app,
        lambda server: server.start(),
        lambda server: server.activate(),
        lambda server: server.run(None),
    ],
    ids=["url", "app", "start", "activate", "run"],
)
def test_in_a_child_the_handle_says_whose_server_it_is(
    server: EphemeralServer, use: Callable[[EphemeralServer], object]
) -> None:
    said = in_child(lambda: use(server))
    assert said.startswith("NotRunningError('This server belongs to the parent")


def test_in_a_child_the_representation_says_whose_server_it_is(server: EphemeralServer) -> None:
    assert "of the parent process" in in_child(lambda: server)


def test_a_child_that_shuts_down_changes_nothing(server: EphemeralServer) -> None:
    assert in_child(server.shutdown) == "None"
    assert server.directory.exists()
    assert get(f"{server.api_url}/health") is True


def test_a_living_child_does_not_hold_the_port_of_its_parent(server: EphemeralServer) -> None:
    port = server.port
    with living_child():
        server.shutdown()
        assert refuses_connections(port)


def test_a_living_child_does_not_hold_the_connections_of_its_parent(
    server: EphemeralServer,
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = b""
        while not answer.endswith(b"true"):
            answer += client.recv(65536)
        with living_child():
            server.shutdown()
            assert client.recv(65536) == b""


def test_a_child_reaches_the_server_of_its_parent_by_its_address(server: EphemeralServer) -> None:
    address = f"{server.api_url}/health"
    assert in_child(lambda: get(address)) == "True"


def test_a_child_may_have_a_server_of_its_own(server: EphemeralServer) -> None:
    address = server.url

    def own() -> tuple[object, bool]:
        with ephemeral(activate=False) as mine:
            return get(f"{mine.api_url}/health"), mine.url == address

    assert in_child(own) == "(True, False)"
    assert get(f"{server.api_url}/health") is True


def test_create_app_in_a_child_gives_a_new_server() -> None:
    with create_app(ephemeral=True) as server:
        address = server.url

        def own() -> bool:
            with create_app(ephemeral=True) as mine:
                return mine.url == address

        assert in_child(own) == "False"


def test_a_child_that_exits_in_order_leaves_the_server_of_its_parent(tmp_path: Path) -> None:
    out = run_script(
        tmp_path,
        """
        import os, sys, urllib.request
        from ephemeral_server import ephemeral
        server = ephemeral().start()
        pid = os.fork()
        if pid == 0:
            sys.exit(0)  # runs the exit hooks
        os.waitpid(pid, 0)
        health = urllib.request.urlopen(server.api_url + "/health").read()
        print(server.directory.exists(), health)
        """,
        *QUIET,
    )
    assert out == "True b'true'\n"


def test_after_kill_9_a_living_child_does_not_keep_the_directory(tmp_path: Path) -> None:
    note = tmp_path / "directory"
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            begun, begin = os.pipe()
            doomed = ephemeral(activate=False).start()
            note.write_text(str(doomed.directory))
            if os.fork() == 0:  # the child that outlives it
                os.close(write)
                os.write(begin, b"!")
                os.read(read, 1)  # until the test closes its end
                os._exit(0)
            os.read(begun, 1)  # it has let go of what it inherited
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(read)
    directory = Path(note.read_text())
    assert directory.exists()
    with ephemeral(activate=False):
        assert not directory.exists()
    os.close(write)


MULTIPROCESSING = """
import multiprocessing, sys, urllib.request
from ephemeral_server import ephemeral

def ask(url):
    print(urllib.request.urlopen(url).read(), flush=True)

def leave_one_open():
    global kept
    kept = ephemeral().start()
    print(kept.directory, flush=True)

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    with ephemeral() as server:
        for target, args in ((ask, (server.api_url + "/health",)), (leave_one_open, ())):
            child = context.Process(target=target, args=args)
            child.start()
            child.join()
            assert child.exitcode == 0
        print(server.is_running, urllib.request.urlopen(server.api_url + "/health").read())
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_leave_both_servers_in_order(
    tmp_path: Path, method: str
) -> None:
    out = run_script(tmp_path, MULTIPROCESSING.format(method=method), *QUIET).splitlines()
    asked, directory, parent = out
    assert (asked, parent) == ("b'true'", "True b'true'")
    assert not Path(directory).exists()
