"""How many slots of limits are given and taken back in a second, by one client and by many.

    python -m tests.benchmarks.slots [--postgres] [--seconds N] [--reference-python PATH]

The last kind of work, asking for slots of tags without limits, is what every task run with tags
begins with. The reference, if it is there, is measured on SQLite; a rate of 0 there says that some
clients had no answer within a minute.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from contextlib import ExitStack, nullcontext

from tests.benchmarks import servers
from tests.benchmarks.figures import Figure, Samples, table
from tests.benchmarks.rates import run_client
from tests.benchmarks.servers import Server

CLIENTS = (1, 64)
WORKS = {
    "lease": "take a slot and give it back",
    "denied": "find no slot left",
    "unlimited": "ask for tags without limits",
}
REPETITIONS = 3


def main() -> int:
    options = _options()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.platform()}")
    with ExitStack() as stack:
        url = None
        if options.postgres:
            from tests.databases import postgres_server

            postgres = stack.enter_context(postgres_server())
            url = postgres.url(postgres.create_database())
        ours = stack.enter_context(servers.ours(database_url=url))
        python = options.reference_python
        beside = servers.reference(python) if python else nullcontext()
        reference = stack.enter_context(beside)
        figures = [
            _figure(work, clients, ours, reference, options.seconds)
            for work in WORKS
            for clients in CLIENTS
        ]
    print(table(figures))
    return 0


def _figure(
    work: str, clients: int, ours: Server, reference: Server | None, seconds: float
) -> Figure:
    """Ours and the reference's rates, taking turns."""
    mine, theirs = [], []
    for _ in range(REPETITIONS):
        mine.append(run_client(ours, work, clients, seconds)["rate"])
        if reference:
            theirs.append(_rate(reference, work, clients, seconds))
    name = f"{WORKS[work]}, {clients} client{'s' * (clients > 1)}"
    other = Samples(theirs, "/s") if theirs else None
    return Figure(name, Samples(mine, "/s"), other, "the reference" if theirs else "")


def _rate(reference: Server, work: str, clients: int, seconds: float) -> float:
    """Nothing, if some of its clients have no answer after a minute, as happens with many."""
    try:
        rate: float = run_client(reference, work, clients, seconds)["rate"]
    except subprocess.TimeoutExpired:
        return 0.0
    return rate


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.slots", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="N", help="of each run")
    parser.add_argument(
        "--reference-python",
        default=os.environ.get("REFERENCE_PYTHON"),
        metavar="PATH",
        help="an interpreter that can run the reference server (default: $REFERENCE_PYTHON)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
