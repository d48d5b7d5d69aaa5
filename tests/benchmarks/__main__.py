"""Measure what was promised and print it as a table; exit status 1 if a bound is missed.

    python -m tests.benchmarks [--quick] [--only GROUPS] [--reference-python PATH] [--json FILE]

Every figure is the median of several runs. Cold starts are whole fresh interpreters, beside a
floor (the same libraries, one route served from a thread); rates are asked for by a client in
another process, the same for our server and for the reference, in turns. What becomes of answers
in a large database is measured by ``python -m tests.benchmarks.scale``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from contextlib import nullcontext
from pathlib import Path

from tests.benchmarks import rates, servers
from tests.benchmarks.figures import Figure, table
from tests.benchmarks.starts import starts

GROUPS = ("starts", "busy", "rates", "crowd")


def main() -> int:
    options = _options()
    # What is installed is compiled; with this set, each start would compile us anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.platform()}")
    figures = _measure(options.only, options.quick, options.reference_python)
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps([figure.as_json() for figure in figures], indent=1))
    missed = [figure.name for figure in figures if not figure.reached]
    print(f"not reached: {', '.join(missed)}" if missed else "all reached")
    return 1 if missed else 0


def _measure(groups: list[str], quick: bool, reference_python: str | None) -> list[Figure]:
    effort = rates.Effort(1, 1.0, 2.0) if quick else rates.Effort(5, 2.0, 4.0)
    figures: list[Figure] = []
    # Before the reference runs: its services are at work also when nobody asks for anything.
    if "starts" in groups:
        figures += starts(3 if quick else 9)
    if "busy" in groups:
        figures += rates.busy_main_thread(effort)
    if not {"rates", "crowd"} & set(groups):
        return figures
    beside = servers.reference(reference_python) if reference_python else nullcontext()
    with beside as reference:
        if "rates" in groups:
            with servers.ours() as server:
                figures += rates.rates(server, reference, effort)
        if "crowd" in groups:
            figures += rates.crowd(reference, effort)
    return figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="few and short runs")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(GROUPS),
        help=f"some of {','.join(GROUPS)}",
    )
    parser.add_argument(
        "--reference-python",
        default=os.environ.get("REFERENCE_PYTHON"),
        metavar="PATH",
        help="an interpreter that can run the reference server (default: $REFERENCE_PYTHON)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    options = parser.parse_args()
    if unknown := set(options.only) - set(GROUPS):
        parser.error(f"--only: {', '.join(sorted(unknown))} is none of {', '.join(GROUPS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
