"""What may not be written is named to the caller, with the system's reason, and nothing is left."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ephemeral_server import ephemeral
from ephemeral_server.embed.reports import ChildFailure
from ephemeral_server.errors import SettingsError, StartError
from tests.embed.programs import run_program

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes of files"),
    pytest.mark.one_python,
]

#: A folder that is there and takes no files, whoever asks.
NOWHERE = "sqlite+aiosqlite:////proc/data.db"
REFUSED = r"unable to open database file.*'/proc/data\.db'"

#: Starts servers as somebody who may write in one folder only: root may write anywhere.
PROGRAM = """
import json, os, sys
from pathlib import Path
from ephemeral_server import ephemeral
from ephemeral_server.errors import StartError

with ephemeral():
    pass  # imports everything, as long as this process may read it

base = Path(sys.argv[1])
for name, mode in (("closed", 0o555), ("open", 0o777)):
    (base / name).mkdir()
    (base / name).chmod(mode)
(base / "open" / "data.db").touch(0o444)
if os.geteuid() == 0:
    os.seteuid(65534)

def attempt(folder, database=None):
    given = {} if database is None else {"database_url": f"sqlite+aiosqlite:///{database}"}
    try:
        ephemeral(temp_directory=str(base / folder), **given).start()
    except StartError as error:
        causes, cause = [], error.__cause__
        while cause is not None:
            causes.append(f"{type(cause).__name__}: {cause}")
            cause = cause.__cause__
        return {"error": str(error), "causes": causes}

print(json.dumps({
    "temporary folder": attempt("closed"),
    "database folder": attempt("open", base / "closed" / "data.db"),
    "database file": attempt("open", base / "open" / "data.db"),
    "left": sorted(str(path.relative_to(base)) for path in base.rglob("*")),
}))
"""


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    """A folder that other users may look into."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    (folder / "closed").chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def told(base: Path) -> dict[str, Any]:
    """What a program without rights was told by each of its starts."""
    (line,), errors = run_program(PROGRAM, str(base))
    assert errors == ""
    said: dict[str, Any] = json.loads(line)
    return said


def test_a_temporary_folder_that_may_not_be_written_is_named(
    told: dict[str, Any], base: Path
) -> None:
    failure = told["temporary folder"]
    assert f"temporary directory in '{base / 'closed'}'" in failure["error"]
    assert "temp_directory=..." in failure["error"]
    assert failure["causes"][0].startswith("PermissionError: ")


def test_a_database_folder_that_may_not_be_written_is_named(
    told: dict[str, Any], base: Path
) -> None:
    failure = told["database folder"]
    assert f"'{base / 'closed' / 'data.db'}'" in failure["error"]
    assert failure["causes"][0].startswith("SettingsError: The database of setting 'database_url'")
    assert failure["causes"][1:] == ["OperationalError: unable to open database file"]


def test_a_database_file_that_may_not_be_written_is_named(told: dict[str, Any], base: Path) -> None:
    failure = told["database file"]
    assert f"'{base / 'open' / 'data.db'}'" in failure["error"]
    assert failure["causes"][1:] == ["OperationalError: attempt to write a readonly database"]


def test_nothing_is_left_where_a_start_was_refused(told: dict[str, Any]) -> None:
    assert told["left"] == ["closed", "open", "open/data.db"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_a_folder_in_which_the_system_keeps_no_files_is_refused(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(StartError, match=REFUSED) as failed:
        ephemeral(database_url=NOWHERE).start()
    assert isinstance(failed.value.__cause__, SettingsError)
    assert isinstance(failed.value.__cause__.__cause__, sqlite3.OperationalError)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_a_child_process_tells_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StartError, match=REFUSED) as failed:
        ephemeral(database_url=NOWHERE, mode="process").start()
    assert isinstance(failed.value.__cause__, ChildFailure)
    assert capfd.readouterr() == ("", "")
