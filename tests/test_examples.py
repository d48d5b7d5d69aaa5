"""The scripts that are shipped, exactly as they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(script: str, folder: Path) -> str:
    """What a script prints; it must leave nothing of its server."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "EPHEMERAL_SERVER_TEMP_DIRECTORY": str(folder / "servers"),
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / script)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Error logging to API" not in done.stderr
    assert list((folder / "servers").iterdir()) == []
    return done.stdout


def test_the_quickstart_shows_what_the_server_recorded(tmp_path: Path) -> None:
    said = run("quickstart.py", tmp_path)
    assert "The flow returned 7.75" in said
    runs = re.findall(r"(flow|task) run (\w+).*: (\w+), (\d) attempt", said)
    flows = [(state, attempts) for kind, _, state, attempts in runs if kind == "flow"]
    tasks = sorted(
        (name, state, attempts) for kind, name, state, attempts in runs if kind == "task"
    )
    assert flows == [("Completed", "1")] * 2
    assert tasks == [
        ("add_up", "Completed", "1"),
        ("fetch_prices", "Completed", "2"),
        ("receipt", "Completed", "1"),
    ]


def test_a_deployed_flow_is_run_now_and_planned_for_later(tmp_path: Path) -> None:
    said = run("deployments.py", tmp_path)
    assert re.findall(r"Flow run .*: (\w+), it returned (\d+)", said) == [("Completed", "6")]
    assert len(re.findall(r"Flow run .*: planned for \S+ 09:00:00", said)) == 3
