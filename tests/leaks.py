"""What a test must not leave behind: threads, file descriptors, child processes, directories.

`LeakGuard` counts them before and after each test (`tests/conftest.py` asks it to, around every
test, set-up and tear-down of its fixtures included). What lives longer on purpose, such as a
database server of the session, is taken over with `LeakGuard.adopt`::

    @pytest.fixture(scope="session")
    def mail_server(leak_guard):
        with leak_guard.adopt():
            server = start()
        yield server
        server.stop()
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Seconds; far more than an orderly end takes, and only a leak waits for all of it.
PATIENCE = 3.0
#: Seconds in which what was closed a moment ago is gone by itself. To collect garbage among all
#: that the tests' process holds takes longer.
AT_ONCE = 0.1

_PROC = Path("/proc/self/fd")


@dataclass(frozen=True)
class Resource:
    """One thing that the process holds.

    Args:
        kind: ``thread``, ``descriptor``, ``process`` or ``directory``.
        identity: tells it from every other thing of its kind, also from one that took its place.
        description: what a reader needs to find where it comes from.
    """

    kind: str
    identity: object
    description: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.description}"


class LeakGuard:
    """Compares what the process holds before and after a test.

    Args:
        base: where ephemeral servers make their temporary directories.
        patience: seconds that things which are about to go (a thread after its last line) are
            given.
    """

    def __init__(self, base: Path, patience: float = PATIENCE) -> None:
        self._base = base
        self._patience = patience
        self._known: Set[Resource] = frozenset()

    def remember(self) -> None:
        """Take what is there now as what may be there afterwards."""
        self._known = census(self._base)

    @contextmanager
    def adopt(self) -> Iterator[None]:
        """Let what appears within this block outlive the test that happens to need it first."""
        before = census(self._base)
        yield
        self._known |= census(self._base) - before

    def accept(self, description: str) -> None:
        """Let everything whose description begins so, and is there now, outlive the test."""
        present = census(self._base)
        self._known |= {each for each in present if each.description.startswith(description)}

    def leaked(self) -> list[Resource]:
        """What is there now and was neither there before nor adopted.

        Waits up to `patience` seconds for it to go, and only if there is something.
        """
        new = self._new(min(AT_ONCE, self._patience))
        if new:
            gc.collect()  # a verdict must not depend on when the collector happens to run
            new = self._new(self._patience)
        return sorted(new, key=str)

    def _new(self, patience: float) -> Set[Resource]:
        """What is still new after so many seconds, or nothing as soon as there is nothing."""
        deadline = time.monotonic() + patience
        while (new := census(self._base) - self._known) and time.monotonic() < deadline:
            time.sleep(0.002)
        return new


def census(base: Path) -> Set[Resource]:
    """Everything that this process holds now, of all four kinds."""
    return frozenset([*_threads(), *_descriptors(), *_children(), *_directories(base)])


def _threads() -> Iterator[Resource]:
    for thread in threading.enumerate():
        daemon = " (daemon)" if thread.daemon else ""
        yield Resource("thread", thread, f"{thread.name}{daemon}, {type(thread).__name__}")


def _descriptors() -> Iterator[Resource]:
    """Open descriptors with what they lead to; on Linux only."""
    if not _PROC.is_dir():
        return
    for name in os.listdir(_PROC):
        try:
            target = os.readlink(f"{_PROC}/{name}")
        except FileNotFoundError:  # the one that lists this very folder
            continue
        yield Resource("descriptor", (name, target), f"{name} -> {target}")


def _children() -> Iterator[Resource]:
    """Child processes, dead ones that nobody waited for included; on Linux only."""
    if not _PROC.is_dir() or not _has_children():
        return
    own = str(os.getpid())
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        try:
            stat = Path(entry.path, "stat").read_text()
            command = Path(entry.path, "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):  # it ended while we were looking
            continue
        # The second field is the program's name in brackets and may hold anything.
        name, _, rest = stat.partition("(")[2].rpartition(")")
        fields = rest.split()
        state, parent, started = fields[0], fields[1], fields[19]
        if parent == own:
            line = command.replace(b"\0", b" ").decode(errors="replace").strip() or name
            waiting = " (dead, not waited for)" if state == "Z" else ""
            yield Resource("process", (entry.name, started), f"{entry.name} {line[:200]}{waiting}")


def _has_children() -> bool:
    """Whether there is any; to look at all processes takes a thousand times as long."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _directories(base: Path) -> Iterator[Resource]:
    """Temporary directories of ephemeral servers, of this process and of its children."""
    if base.is_dir():
        for entry in os.scandir(base):
            yield Resource("directory", entry.path, entry.path)
