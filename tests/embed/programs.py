"""Python programs of their own, for what cannot be seen from inside the tests' process."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run_program(source: str, *arguments: str, timeout: float = 50.0) -> tuple[list[str], str]:
    """Run `source` in an interpreter of its own, which must end with code 0.

    Args:
        source: the program; it may be indented as a whole.
        *arguments: its ``sys.argv[1:]``.
        timeout: seconds it may take.

    Returns:
        the lines of its standard output, and its standard error.
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines(), ended.stderr
