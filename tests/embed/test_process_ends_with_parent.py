"""A server in a child process ends with its parent, however that ends. Linux says when it has."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.embed.support import children_of

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems cannot tell us when a grandchild ends"
)

START = """
    import os, signal, sys, threading
    from ephemeral_server import ephemeral

    server = ephemeral(mode="process", temp_directory=sys.argv[1])
    server.start()
    print(server.port, flush=True)
"""


@contextmanager
def parent(folder: Path, then: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A program that starts a server and goes on with `then`.

    Yields:
        the program, and a descriptor that is readable once its server's process has ended.
    """
    script = textwrap.dedent(START) + textwrap.dedent(then)
    program = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert program.stdout is not None
    with program:
        assert program.stdout.readline().strip().isdecimal()
        server = os.pidfd_open(child_of(program.pid))
        try:
            yield program, server
        finally:
            os.close(server)
            program.kill()


def child_of(pid: int) -> int:
    """The only child of process `pid`."""
    (child,) = children_of(str(pid))
    return child


def has_ended(process: int, within: float = 20.0) -> bool:
    """Whether the process of a descriptor ends within the time given in seconds."""
    return bool(select.select([process], [], [], within)[0])


@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "os._exit(1)",
        "os.abort()",
        "sys.exit()",
        "raise ValueError('not caught')",
        "threading.Thread(target=server.start).start()",
        "del server",
    ],
)
def test_the_server_ends_when_its_parent_ends_by(end: str, tmp_path: Path) -> None:
    with parent(tmp_path, f"sys.stdin.readline()\nsys.stderr = None\n{end}\n") as (program, server):
        assert not has_ended(server, within=0)
        program.communicate("go\n", timeout=30)
        assert has_ended(server)
    assert list(tmp_path.iterdir()) == []


def test_the_server_ends_although_a_forked_child_keeps_the_parent_s_pipes(tmp_path: Path) -> None:
    # The fork of the C library tells nobody, so the copies of the pipes stay open.
    fork = """
        import ctypes
        sys.stdin.readline()
        if ctypes.PyDLL(None).fork() == 0:
            os.close(0), os.close(1)
            signal.pause()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with parent(tmp_path, fork) as (program, server):
        try:
            program.communicate("go\n", timeout=30)
            assert has_ended(server)
        finally:
            os.killpg(program.pid, signal.SIGKILL)


def test_ctrl_c_leaves_the_server_to_its_parent(tmp_path: Path) -> None:
    interrupted = """
        import urllib.request
        try:
            print("ready", flush=True)
            signal.pause()
        except KeyboardInterrupt:
            print(urllib.request.urlopen(server.api_url + "/health").read(), flush=True)
            server.shutdown()
    """
    with parent(tmp_path, interrupted) as (program, server):
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        os.killpg(program.pid, signal.SIGINT)
        assert program.stdout.readline() == "b'true'\n"
        assert has_ended(server)
        assert program.wait(timeout=20) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_forked_child_of_the_parent_does_not_end_the_server(tmp_path: Path) -> None:
    fork = """
        import urllib.request
        if os.fork() == 0:
            print(server.is_running, flush=True)
            server.shutdown()
            sys.exit()
        os.wait()
        print(urllib.request.urlopen(server.api_url + "/health").read(), flush=True)
        server.shutdown()
    """
    with parent(tmp_path, fork) as (program, server):
        said, _ = program.communicate(timeout=30)
        assert said.splitlines() == ["False", "b'true'"]
        assert has_ended(server)
