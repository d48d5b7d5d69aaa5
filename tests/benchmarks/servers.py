"""Server processes to measure from outside: ours and the reference, each on a port of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CHILDREN = "tests.benchmarks.children"

#: The reference migrates its new database first; on a loaded machine that takes long.
REFERENCE_START_SECONDS = 180


@dataclass(frozen=True)
class Server:
    """A running server process.

    Args:
        name: in the table.
        port: where it listens.
        pid: of the process that was started; it may have children.
    """

    name: str
    port: int
    pid: int


@contextmanager
def ours(
    mode: str = "thread", *, busy: bool = False, database_url: str | None = None
) -> Iterator[Server]:
    """`with ephemeral()` in a process that does nothing else.

    Args:
        mode: where the server lives.
        busy: keep the main thread at work in pure Python.
        database_url: of a database that is there already; a new one if None.
    """
    place = {"EPHEMERAL_SERVER_DATABASE_URL": database_url} if database_url else {}
    arguments = [mode, "busy"] if busy else [mode]
    with subprocess.Popen(
        [sys.executable, "-m", f"{CHILDREN}.serve", *arguments],
        cwd=ROOT,
        env={**os.environ, **place},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise SystemExit("our server did not start")
            yield Server("ours", int(line), process.pid)
        finally:
            process.stdin.close()


@contextmanager
def reference(python: str) -> Iterator[Server]:
    """The reference server on a fresh database.

    Args:
        python: an interpreter whose environment has it installed.
    """
    port = _free_port()
    command = [python, "-m", "prefect", "server", "start", "--no-ui"]
    with tempfile.TemporaryDirectory(prefix="reference-", ignore_cleanup_errors=True) as home:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        environment |= {
            "PREFECT_HOME": home,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "DO_NOT_TRACK": "1",
        }
        output = Path(home, "output")
        with (
            output.open("wb") as sink,
            subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(port)],
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            try:
                if not _wait_for_health(port, process):
                    tail = output.read_text(errors="replace")[-2000:]
                    raise SystemExit(f"the reference server did not start:\n{tail}")
                yield Server("the reference", port, process.pid)
            finally:
                _end(process)


def memory(pid: int) -> float:
    """Resident megabytes of a process and of all below it."""
    total = 0
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            total += int(line.split()[1])
    below = 0.0
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                stat = Path(entry.path, "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if stat.rpartition(")")[2].split()[1] == str(pid):
                below += memory(int(entry.name))
    return total / 1024 + below


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()


def _free_port() -> int:
    """A port for a program that cannot choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_health(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + REFERENCE_START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/api/health")
            if connection.getresponse().status == 200:
                return True
        except (OSError, HTTPException):
            time.sleep(0.2)
        finally:
            connection.close()
    return False
