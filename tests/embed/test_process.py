"""A server in a child process: the same handle, another life."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from math import inf
from pathlib import Path
from typing import Any

import pytest

from ephemeral_server import ephemeral
from ephemeral_server.embed.process import ProcessBackend
from ephemeral_server.embed.reports import ChildFailure
from ephemeral_server.errors import NotRunningError, PortInUseError, StartError
from ephemeral_server.settings import Settings
from tests.embed.support import children_of


def health(api_url: str) -> bytes:
    """The answer of the server's health check."""
    with urllib.request.urlopen(f"{api_url}/health", timeout=10) as answer:
        content: bytes = answer.read()
    return content


def test_it_serves_from_another_process() -> None:
    before = children_of()
    with ephemeral(mode="process", activate=False) as server:
        api_url = server.api_url
        assert health(api_url) == b"true"
        assert server.is_running
        assert len(children_of() - before) == 1
    assert children_of() == before
    with pytest.raises(OSError, match="refused"):
        health(api_url)
    with pytest.raises(NotRunningError):
        server.url  # noqa: B018


def test_two_servers_have_their_own_data() -> None:
    with (
        ephemeral(mode="process", activate=False) as one,
        ephemeral(mode="process", activate=False) as two,
    ):
        assert one.database_url != two.database_url
        assert one.url != two.url
        assert health(one.api_url) == health(two.api_url) == b"true"


def test_why_it_could_not_start_is_told_with_the_traceback_from_there() -> None:
    with pytest.raises(StartError) as caught:
        ephemeral(mode="process", database_url="sqlite+aiosqlite:////dev/null/data.db").start()
    assert isinstance(caught.value.__cause__, ChildFailure)
    assert "Traceback (most recent call last)" in str(caught.value.__cause__)


def test_a_taken_port_is_told_before_a_process_is_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        before = children_of()
        with pytest.raises(PortInUseError, match=str(port)):
            ephemeral(mode="process", port=port).start()
    assert children_of() == before


def test_a_start_that_takes_too_long_names_the_slow_phase_and_leaves_no_process() -> None:
    before = children_of()
    with pytest.raises(StartError, match=r"not ready within 0.1 s; it was still \w+"):
        ephemeral(mode="process", start_timeout=0.1).start()
    assert children_of() == before


def test_a_python_that_cannot_be_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(StartError, match="could not be made"):
        ephemeral(mode="process").start()


def test_secrets_are_not_shown_to_those_who_list_processes(tmp_path: Path) -> None:
    backend = ProcessBackend(temporary(tmp_path, auth_string="user:hidden-word"), tmp_path)
    backend.start(30)
    try:
        arguments = Path(f"/proc/{backend.pid}/cmdline").read_bytes()
        environment = Path(f"/proc/{backend.pid}/environ").read_bytes()
    finally:
        backend.stop(5)
    assert b"hidden-word" not in arguments + environment


def test_it_imports_what_its_parent_imports_whatever_lies_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fastapi.py").write_text("raise SystemExit('the wrong fastapi')")
    monkeypatch.chdir(tmp_path)
    with ephemeral(mode="process", activate=False) as server:
        assert health(server.api_url) == b"true"


def test_it_outlives_the_thread_that_started_it() -> None:
    server = ephemeral(mode="process", activate=False)
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    try:
        assert health(server.api_url) == b"true"
    finally:
        server.shutdown()


def test_a_server_that_was_killed_is_not_running_and_can_be_shut_down(tmp_path: Path) -> None:
    backend = ProcessBackend(temporary(tmp_path), tmp_path)
    backend.start(30)
    assert backend.pid is not None
    os.kill(backend.pid, signal.SIGKILL)
    os.waitid(os.P_PID, backend.pid, os.WEXITED | os.WNOWAIT)
    assert not backend.is_running
    backend.stop(5)
    assert backend.pid is None


def test_sigterm_ends_it_in_order(tmp_path: Path) -> None:
    backend = ProcessBackend(temporary(tmp_path), tmp_path)
    backend.start(30)
    assert backend.pid is not None
    os.kill(backend.pid, signal.SIGTERM)
    ended = os.waitid(os.P_PID, backend.pid, os.WEXITED | os.WNOWAIT)
    backend.stop(5)
    assert ended is not None
    assert (ended.si_code, ended.si_status) == (os.CLD_EXITED, 0)
    # SQLite deletes the write-ahead log when the last connection is closed.
    assert [path.name for path in tmp_path.iterdir()] == ["data.db"]


def test_a_collected_handle_ends_its_process() -> None:
    before = children_of()
    server = ephemeral(mode="process", activate=False).start()
    (pid,) = children_of() - before
    directory = server.directory
    del server
    gc.collect()
    for thread in threading.enumerate():
        if thread.name.startswith("ephemeral-server"):
            thread.join(20)
    assert pid not in children_of()
    assert not directory.exists()


def test_keyboard_interrupt_during_a_start_leaves_no_process() -> None:
    before = children_of()
    server = ephemeral(mode="process", activate=False)
    interrupter = threading.Thread(target=interrupt_once_a_child_is_there)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        server.start()
    interrupter.join()
    assert children_of() == before
    assert not server.is_running


def interrupt_once_a_child_is_there() -> None:
    """What Ctrl-C does: the main thread gets the signal, here as it waits for the child."""
    pause = threading.Event()
    while not any(thread.name == "ephemeral-server-reports" for thread in threading.enumerate()):
        pause.wait(0.001)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_stopping_twice_is_once(tmp_path: Path) -> None:
    backend = ProcessBackend(temporary(tmp_path), tmp_path)
    backend.start(30)
    backend.stop(5)
    backend.stop(5)
    assert not backend.is_running


def test_a_backend_that_was_not_started_has_no_address(tmp_path: Path) -> None:
    backend = ProcessBackend(Settings(), tmp_path)
    assert not backend.is_running
    with pytest.raises(NotRunningError):
        backend.url  # noqa: B018
    backend.stop(5)


def test_printing_in_the_server_does_not_disturb_its_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "noisy.py").write_text("print('hello from the child', flush=True)")
    (tmp_path / "fastapi.py").write_text(
        "import sys, importlib, noisy\n"
        f"sys.path.remove({str(tmp_path)!r})\n"
        "del sys.modules['fastapi']\n"
        "sys.modules['fastapi'] = importlib.import_module('fastapi')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with ephemeral(mode="process", activate=False) as server:
        assert health(server.api_url) == b"true"


def temporary(directory: Path, **given: Any) -> Settings:
    """Settings for a database in `directory`."""
    url = f"sqlite+aiosqlite:///{directory / 'data.db'}"
    return Settings.load(ephemeral=True, database_url=url, **given)


def test_it_starts_in_less_than_twice_the_time_of_a_thread_server() -> None:
    """From the bare interpreter to the first answer; the better of two, since machines stumble."""
    seconds = {"thread": inf, "process": inf}
    for mode in [*seconds, *seconds]:
        begin = time.perf_counter()
        program = subprocess.Popen(
            [sys.executable, "-c", FIRST_ANSWER, mode], stdout=subprocess.PIPE
        )
        with program:
            assert program.stdout is not None
            assert program.stdout.readline() == b"answered\n"
            seconds[mode] = min(seconds[mode], time.perf_counter() - begin)
    assert seconds["process"] < 2 * seconds["thread"]


FIRST_ANSWER = """
import sys, urllib.request
from ephemeral_server import ephemeral

with ephemeral(mode=sys.argv[1], activate=False) as server:
    urllib.request.urlopen(server.api_url + "/health").read()
    print("answered", flush=True)
"""
