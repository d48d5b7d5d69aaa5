"""The script that is shipped, exactly as it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_quickstart_shows_what_the_server_recorded_and_leaves_nothing(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "EPHEMERAL_SERVER_TEMP_DIRECTORY": str(tmp_path / "servers"),
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "quickstart.py")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "The flow returned 7.75" in done.stdout
    runs = re.findall(r"(flow|task) run (\w+).*: (\w+), (\d) attempt", done.stdout)
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
    assert "Error logging to API" not in done.stderr
    assert list((tmp_path / "servers").iterdir()) == []
