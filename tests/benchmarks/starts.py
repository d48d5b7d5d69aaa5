"""Figures of starting and ending, each from whole fresh interpreters."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from tests.benchmarks.figures import Bound, Figure, Samples
from tests.benchmarks.servers import CHILDREN, ROOT


def starts(repetitions: int) -> list[Figure]:
    """Cold start beside the floor, further servers, shutdown, import.

    Args:
        repetitions: of each; ours and the floor take turns, so both meet the same machine.
    """
    programs = {
        "floor": ["floor"],
        "ours": ["ours", "health"],
        "flow": ["ours", "flow"],
        "process": ["ours", "health", "process"],
    }
    cold: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(repetitions + 1):
        for name, arguments in programs.items():
            began = time.monotonic()
            milliseconds = 1000 * (float(_output(*arguments)) - began)
            if turn:  # the first turn compiles and fills the system's file cache
                cold[name].append(milliseconds)
    imports = [float(_output("imported")) for _ in range(repetitions)]
    further = json.loads(_output("further", str(2 * repetitions)))

    def samples(name: str) -> Samples:
        return Samples(cold[name], "ms")

    return [
        Figure(
            "bare interpreter to first answer",
            samples("ours"),
            samples("floor"),
            "the floor",
            Bound(1.5, ratio=True),
        ),
        Figure(
            "bare interpreter to first flow stored", samples("flow"), samples("floor"), "the floor"
        ),
        Figure(
            "bare interpreter to first answer, mode='process'",
            samples("process"),
            samples("ours"),
            "mode='thread'",
            Bound(2, ratio=True),
        ),
        Figure(
            "a further server, to first answer", Samples(further["start"], "ms"), bound=Bound(50)
        ),
        Figure("shutdown, idle", Samples(further["shutdown"], "ms"), bound=Bound(100)),
        Figure("import ephemeral_server", Samples(imports, "ms"), bound=Bound(20)),
    ]


def _output(program: str, *arguments: str) -> str:
    """What one of the children prints."""
    done = subprocess.run(
        [sys.executable, "-m", f"{CHILDREN}.{program}", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout
