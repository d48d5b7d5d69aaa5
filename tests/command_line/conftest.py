"""The command line of Prefect's full package, pointed at a server of ours.

The package lives in an environment of its own: it wants other versions of what we need too. The
environment variable ``PREFECT_COMMAND`` names its executable; without it these tests are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ephemeral_server import EphemeralServer, ephemeral
from tests.command_line.commands import CommandLine


@pytest.fixture
def server() -> Iterator[EphemeralServer]:
    """A running server that only the command line is pointed at."""
    with ephemeral(activate=False) as running:
        yield running


@pytest.fixture
def prefect(request: pytest.FixtureRequest, tmp_path: Path) -> CommandLine:
    """Runs commands against `server`."""
    executable = os.environ.get("PREFECT_COMMAND")
    if not executable:
        pytest.skip("PREFECT_COMMAND does not name the command of Prefect's full package")
    server: EphemeralServer = request.getfixturevalue("server")
    return CommandLine(executable, server.api_url, tmp_path)
