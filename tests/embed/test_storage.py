"""Temporary directories: private, locked while their server lives, swept when it is gone."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from ephemeral_server import ephemeral
from ephemeral_server.embed.storage import (
    ServerDirectory,
    list_live,
    make_directory,
    sweep,
)
from ephemeral_server.errors import StartError

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes and owners")
ROOT = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root may give files away"
)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A runtime directory and a temporary folder of the test's own."""
    runtime, temporary = tmp_path / "runtime", tmp_path / "temporary"
    runtime.mkdir(mode=0o700)
    temporary.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return runtime, temporary


def made_in(temp_directory: Path | None = None) -> Path:
    """Where a directory is made."""
    directory = make_directory(None if temp_directory is None else str(temp_directory))
    directory.remove()
    return directory.path.parent


def left_behind(base: Path) -> Path:
    """A directory whose process is gone: its lock is free."""
    directory = ServerDirectory(base)
    (directory.path / "data.db").write_text("data")
    directory.abandon()
    return directory.path


@POSIX
def test_the_runtime_directory_of_the_user_is_preferred(places: tuple[Path, Path]) -> None:
    assert made_in() == places[0] / "ephemeral-server"


@POSIX
def test_without_a_runtime_directory_it_is_the_temporary_folder(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert made_in() == places[1] / f"ephemeral-server-{os.geteuid()}"


@POSIX
def test_a_runtime_directory_open_to_others_is_not_used(places: tuple[Path, Path]) -> None:
    places[0].chmod(0o755)
    assert made_in().parent == places[1]


@POSIX
def test_the_home_is_never_used(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(places[0].parent))
    assert made_in().parent == places[1]


@POSIX
def test_the_base_is_closed_to_other_users(places: tuple[Path, Path]) -> None:
    assert stat.S_IMODE(made_in().stat().st_mode) == 0o700


@ROOT
def test_a_base_of_another_user_is_not_used(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    foreign = places[1] / f"ephemeral-server-{os.geteuid()}"
    foreign.mkdir(mode=0o777)
    os.chown(foreign, 12345, 12345)
    base = made_in()
    assert base != foreign
    assert stat.S_IMODE(base.stat().st_mode) == 0o700


@POSIX
def test_a_base_that_is_a_link_is_not_used(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    link = places[1] / f"ephemeral-server-{os.geteuid()}"
    link.symlink_to(places[0])
    assert made_in() not in (link, places[0])


def test_a_folder_of_the_user_is_made_and_used(tmp_path: Path) -> None:
    assert made_in(tmp_path / "new" / "folder") == tmp_path / "new" / "folder"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="cannot make its temporary directory"):
        make_directory(str(tmp_path / "file" / "below"))


def test_removing_deletes_everything_in_it(tmp_path: Path) -> None:
    directory = ServerDirectory(tmp_path)
    (directory.path / "below").mkdir()
    (directory.path / "below" / "file").touch()
    directory.remove()
    directory.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_deletes_what_has_lost_its_process(tmp_path: Path) -> None:
    dead = left_behind(tmp_path)
    assert sweep(str(tmp_path)) == [dead]
    assert not dead.exists()


def test_a_sweep_keeps_what_is_locked(tmp_path: Path) -> None:
    directory = ServerDirectory(tmp_path)
    assert sweep(str(tmp_path)) == []
    assert directory.path.exists()
    directory.remove()


def test_a_sweep_deletes_what_never_got_a_lock(tmp_path: Path) -> None:
    (tmp_path / "server-interrupted").mkdir()
    sweep(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_touches_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "server-file").touch()
    (tmp_path / "server-link").symlink_to(tmp_path / "mine")
    assert sweep(str(tmp_path)) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mine",
        "server-file",
        "server-link",
    ]


def test_a_sweep_ends_in_its_time(tmp_path: Path) -> None:
    dead = {left_behind(tmp_path) for _ in range(3)}
    assert sweep(str(tmp_path), seconds=-1) == []
    assert all(path.exists() for path in dead)


def test_sweeps_never_take_a_directory_that_is_just_being_made(tmp_path: Path) -> None:
    made: list[ServerDirectory] = []
    done = threading.Event()

    def keep_sweeping() -> None:
        while not done.is_set():
            sweep(str(tmp_path))

    sweepers = [threading.Thread(target=keep_sweeping) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        for _ in range(300):
            directory = ServerDirectory(tmp_path)
            assert (directory.path / "lock").exists()
            made.append(directory)
    finally:
        done.set()
        for sweeper in sweepers:
            sweeper.join()
    assert all(directory.path.exists() for directory in made)
    for directory in made:
        directory.remove()


def test_the_register_lists_live_servers(tmp_path: Path) -> None:
    left_behind(tmp_path)
    with ephemeral(temp_directory=str(tmp_path), activate=False) as server:
        (entry,) = [e for e in list_live(str(tmp_path)) if e["url"] == server.url]
        assert server.started_at is not None
        assert entry == {
            "pid": os.getpid(),
            "url": server.url,
            "mode": "thread",
            "started": server.started_at.isoformat(),
            "directory": str(server.directory),
        }
    assert list(tmp_path.iterdir()) == []


def test_the_register_does_not_list_what_has_lost_its_process(tmp_path: Path) -> None:
    directory = ServerDirectory(tmp_path)
    directory.write_entry("http://127.0.0.1:1", "thread", "2026-01-01T00:00:00+00:00")
    directory.abandon()
    assert [e for e in list_live(str(tmp_path)) if e["directory"] == str(directory.path)] == []
