"""Temporary directories of servers, the locks that guard them, and the register in them.

Every server has a directory of its own below a base that only its user can enter. It holds a
lock file, locked for as long as the process lives: a directory whose lock is free has lost
its server, by ``kill -9`` or a power cut, and `sweep` deletes it at the next start. The entry
``server.json`` beside the lock says what runs there, so `list_live` needs no other register.

A directory that is just being made has no lock yet. Instead of guessing by age, whoever comes
first takes the lock, and a maker who lost it to a sweep makes another directory.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ephemeral_server.errors import StartError

_BASE = "ephemeral-server"
_PREFIX = "server-"
_LOCK = "lock"
_ENTRY = "server.json"
#: A runtime directory is often a small file system in memory; a smaller one is not used.
_ENOUGH_BYTES = 256 * 1024 * 1024


class ServerDirectory:
    """The directory of one server, locked until it is removed or the process ends.

    Args:
        base: the directory to make it in.

    Raises:
        OSError: it cannot be made or locked.
    """

    def __init__(self, base: Path) -> None:
        while True:
            path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
            lock = _acquire(path / _LOCK)
            if lock is not None:
                break
        self.path = path
        self._lock: int | None = lock

    def write_entry(self, url: str, mode: str, started: str) -> None:
        """State in the register what runs here.

        Args:
            url: where the server answers.
            mode: 'thread' or 'process'.
            started: when, in the wire form of an instant.
        """
        entry = {"pid": os.getpid(), "url": url, "mode": mode, "started": started}
        draft = self.path / f"{_ENTRY}.new"
        draft.write_text(json.dumps(entry))
        os.replace(draft, self.path / _ENTRY)

    def remove(self) -> None:
        """Delete the directory, then give the lock up. Calling it again does nothing.

        What the system refuses to delete stays for the next `sweep`.
        """
        lock, self._lock = self._lock, None
        if lock is not None:
            _delete(self.path, lock)

    def abandon(self) -> None:
        """Let go of the lock and keep the directory: a forked child leaves it to its parent."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def make_directory(temp_directory: str | None) -> ServerDirectory:
    """A new directory for a server, after a short sweep of what others left.

    Args:
        temp_directory: where the user wants it; None: the private folder of this user.

    Raises:
        StartError: no directory can be made there; the cause is chained.
    """
    try:
        base = _given_base(temp_directory) if temp_directory is not None else _private_base()
        sweep(temp_directory, seconds=1.0)
        return ServerDirectory(base)
    except OSError as error:
        place = temp_directory or tempfile.gettempdir()
        raise StartError(
            f"The server cannot make its temporary directory in {place!r}: {error}. Name a "
            f"folder that you can write to with temp_directory=... ."
        ) from error


def is_temporary(file: str) -> bool:
    """Whether a file lies in the directory of a server, and is deleted with it."""
    folder = Path(file).parent
    return folder.name.startswith(_PREFIX) and (folder / _LOCK).exists()


def sweep(temp_directory: str | None = None, seconds: float = 1.0) -> list[Path]:
    """Delete directories whose server is gone; return them.

    Args:
        temp_directory: where to look, besides the private folder of this user.
        seconds: how long it may take. What is left then is for the next sweep.
    """
    removed = []
    deadline = time.monotonic() + seconds
    for path in _directories(temp_directory):
        if time.monotonic() > deadline:
            break
        try:
            lock = _acquire(path / _LOCK)
        except OSError:
            continue  # not ours to open: no reason to refuse a start
        if lock is not None:
            _delete(path, lock)
            removed.append(path)
    return removed


def list_live(temp_directory: str | None = None) -> list[dict[str, Any]]:
    """The register entries of servers that live now, with their ``directory``, oldest first.

    Args:
        temp_directory: where to look, besides the private folder of this user.
    """
    entries = []
    for path in _directories(temp_directory):
        try:
            entry = json.loads((path / _ENTRY).read_text())
            lock = _acquire(path / _LOCK)
        except (OSError, ValueError):
            continue  # not started yet, or just going
        if lock is not None:
            os.close(lock)
            continue
        entries.append({**entry, "directory": str(path)})
    return sorted(entries, key=lambda entry: str(entry.get("started")))


def _directories(temp_directory: str | None) -> Iterator[Path]:
    bases = list(_private_bases())
    if temp_directory is not None:
        bases.append(Path(temp_directory))
    for base in dict.fromkeys(bases):
        try:
            names = sorted(os.listdir(base))
        except OSError:
            continue
        for name in names:
            path = base / name
            if name.startswith(_PREFIX) and _belongs_to_us(path):
                yield path


def _delete(path: Path, lock: int) -> None:
    """Delete a directory whose lock is held, and give the lock up."""
    if sys.platform == "win32":
        os.close(lock)  # Windows deletes no open file
        shutil.rmtree(path, ignore_errors=True)
    else:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


# Locks


def _acquire(path: Path) -> int | None:
    """The descriptor of the locked file `path`; None if another holds it or removed it."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except FileNotFoundError:
        return None
    try:
        held = _try_lock(lock) and _names(path, lock)
    except BaseException:
        os.close(lock)
        raise
    if not held:
        os.close(lock)
        return None
    return lock


def _names(path: Path, descriptor: int) -> bool:
    """Whether `path` is still the file that `descriptor` is open on."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        # flock, not lockf: a POSIX record lock is lost when any descriptor of the file closes.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


# Bases


def _given_base(temp_directory: str) -> Path:
    base = Path(temp_directory)
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    return base


def _private_base() -> Path:
    """A base that belongs to this user alone, in memory where the system offers that."""
    for parent, name in _places():
        base = parent / name
        try:
            if shutil.disk_usage(parent).free < _ENOUGH_BYTES and parent != _fallback():
                continue
            base.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            continue
        if _is_private(base) and os.access(base, os.W_OK | os.X_OK):
            return base
    # Somebody else made a folder of our name: take one that nobody could foresee.
    return Path(tempfile.mkdtemp(prefix=f"{_fallback_name()}-", dir=_fallback()))


def _private_bases() -> Iterator[Path]:
    """Every base that `_private_base` may have returned, now or in an earlier process."""
    for parent, name in _places():
        try:
            found = sorted(entry for entry in os.listdir(parent) if entry.startswith(name))
        except OSError:
            continue
        for entry in found:
            of_ours = entry == name or entry.startswith(f"{name}-")
            if of_ours and _is_private(parent / entry):
                yield parent / entry


def _places() -> list[tuple[Path, str]]:
    """Where a base may be, best first: (parent, name)."""
    places = [(_fallback(), _fallback_name())]
    runtime = _runtime_directory()
    if runtime is not None:
        places.insert(0, (runtime, _BASE))
    return places


def _runtime_directory() -> Path | None:
    """The user's runtime directory, in memory on most Linux systems; None if there is none."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given is None or not _is_runtime_directory(Path(given)):
        return None  # platformdirs would warn, and name a place below the temporary folder
    import platformdirs

    runtime = Path(platformdirs.user_runtime_dir())
    return None if runtime.is_relative_to(Path.home()) else runtime


def _is_runtime_directory(path: Path) -> bool:
    """Whether `path` is what a runtime directory must be: the user's own, closed to others."""
    if not _belongs_to_us(path) or path.stat().st_mode & 0o777 != 0o700:
        return False
    return os.access(path, os.W_OK | os.X_OK)


def _fallback() -> Path:
    return Path(tempfile.gettempdir())


def _fallback_name() -> str:
    # On Windows the temporary folder already belongs to one user.
    return _BASE if sys.platform == "win32" else f"{_BASE}-{os.geteuid()}"


def _belongs_to_us(path: Path) -> bool:
    """Whether `path` is a real directory (no link) of this user."""
    try:
        found = path.lstat()
    except OSError:
        return False
    ours = sys.platform == "win32" or found.st_uid == os.geteuid()
    return stat.S_ISDIR(found.st_mode) and ours


def _is_private(path: Path) -> bool:
    """Whether `path` is our directory and closed to others, made so where we may."""
    if not _belongs_to_us(path):
        return False
    if sys.platform != "win32" and path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return True
