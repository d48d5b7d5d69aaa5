"""The leak check around every test: each case runs a small test file under our conftest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Holds on to what a test makes, so that only the check notices.
_PREAMBLE = """
import os, socket, subprocess, sys, threading
from pathlib import Path
import pytest
kept = []
"""


# Our conftest with a guard of little patience: what most tests here leave does not go by itself.
_CONFTEST = """
import os
from pathlib import Path
from tests.conftest import *
from tests.conftest import _leaves_nothing

@pytest.fixture(scope="session")
def leak_guard():
    return LeakGuard(Path(os.environ["EPHEMERAL_SERVER_TEMP_DIRECTORY"]), patience=PATIENCE)
"""


def run(tmp_path: Path, body: str, patience: float = 0.05) -> subprocess.CompletedProcess[str]:
    """Run `body` as a test file with our conftest and our settings of pytest."""
    (tmp_path / "conftest.py").write_text(_CONFTEST.replace("PATIENCE", str(patience)))
    (tmp_path / "test_case.py").write_text(_PREAMBLE + body)
    plugins = ["-p", "pytest_timeout", "-p", "xdist.plugin"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, "-n0"]
    command += ["-c", f"{ROOT}/pyproject.toml", "--rootdir", f"{tmp_path}"]
    return subprocess.run(
        [*command, "--confcutdir", tmp_path, tmp_path],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
    )


LEAKS = {
    "thread": (
        """
def test_leaves_a_thread():
    stop = threading.Event()
    kept.append(stop)
    threading.Thread(target=stop.wait, name="forgotten", daemon=True).start()
""",
        "thread: forgotten (daemon), Thread",
    ),
    "descriptor of a file": (
        """
def test_leaves_a_descriptor(tmp_path):
    kept.append(os.open(tmp_path / "forgotten.txt", os.O_CREAT))
""",
        "forgotten.txt",
    ),
    "descriptor of a socket": (
        """
def test_leaves_a_socket():
    kept.append(socket.socket())
""",
        "-> socket:[",
    ),
    "child process": (
        """
def test_leaves_a_child():
    code = "import sys; sys.stdin.read()"
    kept.append(subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE))
""",
        "import sys; sys.stdin.read()",
    ),
    "child that nobody waited for": (
        """
def test_leaves_a_zombie():
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    kept.append(child)
""",
        "(dead, not waited for)",
    ),
    "directory of a server": (
        """
def test_leaves_a_directory():
    Path(os.environ["EPHEMERAL_SERVER_TEMP_DIRECTORY"], "forgotten").mkdir(parents=True)
""",
        "directory: ",
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_fails_the_test_that_made_it_and_names_it(tmp_path: Path, leak: str) -> None:
    body, message = LEAKS[leak]

    result = run(tmp_path, body)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "This test left behind:" in result.stdout
    assert message in result.stdout


def test_a_leak_is_charged_to_one_test_only(tmp_path: Path) -> None:
    body, _ = LEAKS["thread"]

    result = run(tmp_path, body + "\ndef test_after_it():\n    pass\n")

    assert "2 passed, 1 error" in result.stdout


def test_what_a_test_takes_back_is_no_leak(tmp_path: Path) -> None:
    body = """
def test_tidy(tmp_path):
    thread = threading.Thread(target=print)
    thread.start()
    subprocess.run([sys.executable, "-c", ""], check=True)
    with open(tmp_path / "file", "w"), socket.socket():
        pass
    thread.join()
"""

    result = run(tmp_path, body)

    assert result.returncode == 0, result.stdout + result.stderr


def test_what_ends_soon_after_the_test_is_no_leak(tmp_path: Path) -> None:
    body = """
def test_ends_soon():
    thread = threading.Timer(0.1, print)
    thread.start()
"""

    result = run(tmp_path, body, patience=10)

    assert result.returncode == 0, result.stdout + result.stderr


def test_what_a_session_fixture_adopts_is_no_leak(tmp_path: Path) -> None:
    body = """
@pytest.fixture(scope="session")
def shared(leak_guard):
    with leak_guard.adopt():
        ours = socket.socket()
    yield ours
    ours.close()

def test_asks_for_it_first(request):
    request.getfixturevalue("shared")

def test_asks_for_it_again(shared):
    assert shared.fileno() >= 0
"""

    result = run(tmp_path, body)

    assert result.returncode == 0, result.stdout + result.stderr


def test_a_fixture_that_is_not_taken_down_is_a_leak(tmp_path: Path) -> None:
    body = """
@pytest.fixture
def forgetful():
    ours = socket.socket()
    kept.append(ours)
    return ours

def test_uses_it(forgetful):
    pass
"""

    result = run(tmp_path, body)

    assert result.returncode == 1
    assert "This test left behind:" in result.stdout
