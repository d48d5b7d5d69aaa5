"""Figures of a running server, asked by a client in another process."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tests.benchmarks import servers
from tests.benchmarks.figures import Bound, Figure, Samples
from tests.benchmarks.servers import ROOT, Server

CLIENTS = 16
CROWD = f"{CLIENTS} clients, create + Running + Completed"


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Args:
        repetitions: runs of each kind of work.
        seconds: of each run against our server.
        reference_seconds: of each run against the reference, where one round takes longer.
    """

    repetitions: int
    seconds: float
    reference_seconds: float


@dataclass(frozen=True)
class Rate:
    """A kind of work, and what must be reached.

    Args:
        work: its name in the client.
        title: its name in the table.
        unit: of the rate.
        factor: how many times the reference ours must be.
        recorded: the reference's rate on two cores, where it is not there to be measured.
    """

    work: str
    title: str
    unit: str
    factor: float
    recorded: float


RATES = [
    Rate("create", "create a flow run", "/s", 10, 50),
    Rate("cycle", "create + Running + Completed", "/s", 10, 18),
    Rate("read", "read a run", "/s", 10, 170),
    Rate("filter", "filter 200 runs", "/s", 10, 13),
    Rate("logs", "log rows", "rows/s", 20, 2500),
]


def rates(ours: Server, reference: Server | None, effort: Effort) -> list[Figure]:
    """One client's rates, ours and the reference's taking turns."""
    figures = []
    for rate in RATES:
        mine, theirs = [], []
        for _ in range(effort.repetitions):
            mine.append(run_client(ours, rate.work, 1, effort.seconds)["rate"])
            if reference:
                report = run_client(reference, rate.work, 1, effort.reference_seconds)
                theirs.append(report["rate"])
        beside = "the reference" if theirs else "the reference (recorded)"
        other = Samples(theirs or [rate.recorded], rate.unit)
        bound = Bound(rate.factor, least=True, ratio=True)
        figures.append(Figure(rate.title, Samples(mine, rate.unit), other, beside, bound))
    return figures


def crowd(reference: Server | None, effort: Effort) -> list[Figure]:
    """16 clients at once beside one, and the memory of a server-only process afterwards."""
    with servers.ours() as server:
        one, many = [], []
        for _ in range(effort.repetitions):
            one.append(run_client(server, "cycle", 1, effort.seconds))
            many.append(run_client(server, "cycle", CLIENTS, effort.seconds))
        megabytes = servers.memory(server.pid)
    name, other, memory = "", None, None
    if reference:
        name = reference.name
        other = [run_client(reference, "cycle", CLIENTS, effort.reference_seconds)]
        memory = Samples([servers.memory(reference.pid)], "MB")

    def figure(title: str, key: str, unit: str, bound: Bound | None = None) -> Figure:
        theirs = _samples(other, key, unit) if other else None
        return Figure(f"{CROWD}: {title}", _samples(many, key, unit), theirs, name, bound)

    alone = _samples(one, "rate", "/s")
    not_less = Bound(1, least=True, ratio=True)
    return [
        Figure(f"{CROWD}: rate", _samples(many, "rate", "/s"), alone, "one client", not_less),
        figure("rate", "rate", "/s"),
        figure("answers 503", "busy", "a run", Bound(0)),
        figure("clients that did not finish", "abandoned", "a run", Bound(0)),
        figure("connections lost", "reconnects", "a run", Bound(0)),
        figure("slowest answer", "slowest_ms", "ms"),
        Figure(
            "memory of the whole process after that",
            Samples([megabytes], "MB"),
            memory,
            name,
            Bound(120),
        ),
    ]


def busy_main_thread(effort: Effort) -> list[Figure]:
    """How slow answers are while the process that holds the server computes."""
    figures = []
    for mode in ("thread", "process"):
        with servers.ours(mode, busy=True) as server:
            reports = [
                run_client(server, "read", 1, effort.seconds) for _ in range(effort.repetitions)
            ]
        name = f"busy main thread, mode={mode!r}"
        figures += [
            Figure(f"{name}: usual answer", _samples(reports, "median_ms", "ms")),
            Figure(f"{name}: slowest answer", _samples(reports, "slowest_ms", "ms")),
        ]
    return figures


def run_client(server: Server, work: str, connections: int, seconds: float) -> dict[str, Any]:
    """Let the client process do one kind of work; its report."""
    arguments = [str(server.port), "/api", work, str(connections), str(seconds)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.client", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60 + 2 * seconds,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _samples(reports: list[dict[str, Any]], key: str, unit: str) -> Samples:
    return Samples([report[key] for report in reports], unit)
