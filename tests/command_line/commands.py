"""Commands, and what they say."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class CommandLine:
    """Runs commands of Prefect against one server.

    Attributes:
        executable: of Prefect.
        api_url: of the server.
        folder: where they run, and where they keep what they keep.
    """

    executable: str
    api_url: str
    folder: Path

    def __call__(self, *arguments: str) -> str:
        """What a command prints that succeeds."""
        done = self._run(arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """What a command tells as JSON."""
        return json.loads(self(*arguments, "--output", "json"))

    def refused(self, *arguments: str) -> str:
        """What a command prints that fails, and has a reason to."""
        done = self._run(arguments)
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert "Traceback" not in said
        return said

    def python(self, source: str) -> str:
        """What a program prints that runs where the commands do."""
        python = Path(self.executable).with_name("python")
        done = self._run(["-c", source], str(python))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(
        self, arguments: tuple[str, ...] | list[str], executable: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PREFECT_API_URL": self.api_url,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "COLUMNS": "200",  # or tables break the lines
            "NO_COLOR": "1",
        }
        return subprocess.run(
            [executable or self.executable, *arguments],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
