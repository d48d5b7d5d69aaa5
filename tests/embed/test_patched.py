"""The promises hold where asyncio is patched or replaced, whether before a server starts or after.

The tests of this folder that start servers in their own process run once more in processes that
are patched, since such a patch cannot be taken back. (`test_loops` tries more kinds of patches.)
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.embed.patching import VARIABLE
from tests.embed.support import ROOT

#: Some 100 tests each time, also on a machine that is busy with others. (Whether a version of
#: Python can be patched at all shows in `test_loops`.)
pytestmark = [pytest.mark.timeout(240), pytest.mark.one_python]

FILES = ["asgi", "lifecycle", "registry", "run", "shutdown", "start_failures"]
#: These run in processes of their own, patched or not.
ELSEWHERE = "test_nested_ or test_nest_asyncio_is_imported"
COMMAND = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "tests.embed.patching"]
COMMAND += ["-k", f"not ({ELSEWHERE})", *(f"tests/embed/test_{file}.py" for file in FILES)]


@pytest.mark.parametrize("name", ["nest_asyncio", "uvloop"])
def test_all_of_it_holds_with_asyncio_patched(name: str) -> None:
    if name == "uvloop" and sys.platform == "win32":
        pytest.skip("uvloop does not exist on Windows")
    runs = [patched(f"{when} {name}") for when in ("before", "after")]
    said = [run.communicate()[0] for run in runs]
    for run, output in zip(runs, said, strict=True):
        assert run.returncode == 0, output
        assert " passed" in output


def patched(how: str) -> subprocess.Popen[str]:
    """The tests on their way, beside others since they mostly wait."""
    return subprocess.Popen(
        COMMAND,
        cwd=ROOT,
        env={**os.environ, VARIABLE: how},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
