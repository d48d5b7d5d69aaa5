"""What those who run deployments wait for, among 10,000 deployments with 100,000 planned runs.

    python -m tests.benchmarks.runners [--postgres] [--plans] [--repetitions N]

Two databases are built, the other one with 100 deployments, and one client asks both servers in
turns, as runners and workers do. An answer must take at most 5 times as long in the large one;
the exit status is 1 if one takes longer. Then the scheduler works on new databases of its own.
`--plans` shows how SQLite finds the rows of each statement.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from ephemeral_server.clock import SECOND, ManualClock, to_datetime
from ephemeral_server.database import Database, open_database
from ephemeral_server.services import scheduler
from ephemeral_server.services.scheduler import Scheduled
from ephemeral_server.settings import Settings
from tests.benchmarks import deployed, servers
from tests.benchmarks.deployed import NOW, POOL
from tests.benchmarks.figures import Figure, Samples, table
from tests.benchmarks.questions import Question
from tests.benchmarks.scale import compared, show_plans

FEW, MANY = 100, 10_000
#: Deployments that the scheduler plans for the first time.
NEW = 200

#: Makes the URL of a new database.
NewDatabase = Callable[[], str]


def main() -> int:
    options = _options()
    # A poll that claims its runs would leave the next one less to answer.
    os.environ["EPHEMERAL_SERVER_CLAIM_SECONDS"] = "0"
    with ExitStack() as stack:
        new = stack.enter_context(_databases(options.postgres))
        urls = [new(), new()]
        worlds = [deployed.build(*pair) for pair in zip(urls, (FEW, MANY), strict=True)]
        pairs = list(zip(*map(questions, worlds), strict=True))
        with ExitStack() as running:
            ports = [running.enter_context(servers.ours(database_url=url)).port for url in urls]
            beside = f"on {FEW} deployments"
            figures = [
                compared(few, many, ports, options.repetitions, beside) for few, many in pairs
            ]
        figures += asyncio.run(_scheduler(new, urls[1], options.repetitions))
        print(table(figures))
        if options.plans and not options.postgres:
            show_plans(urls[1], [many for _, many in pairs])
    missed = [figure.name for figure in figures if not figure.reached]
    print(f"not reached: {', '.join(missed)}" if missed else "all reached")
    return 1 if missed else 0


def questions(known: deployed.Known) -> list[Question]:
    """What runners and workers ask for, about one world."""
    soon = {"scheduled_before": str(to_datetime(NOW + 10 * SECOND))}
    runner, worker = "/deployments/get_scheduled_flow_runs", f"/work_pools/{POOL}"
    ids = known.deployment_ids
    late = ids[-1:]  # nothing of it is due
    asked: list[tuple[str, str, dict[str, Any], float | None]] = [
        ("runner of a deployment, one run due", runner, {"deployment_ids": ids[:1], **soon}, 5),
        ("runner of a deployment, none due", runner, {"deployment_ids": late, **soon}, 5),
        ("runner of five, all their runs", runner, {"deployment_ids": ids[:5]}, 5),
        ("runner of a hundred, twenty due", runner, {"deployment_ids": ids[:FEW], **soon}, 5),
        ("runner of all, twenty due", runner, {"deployment_ids": ids, **soon}, None),
        ("runner of all, 200 runs", runner, {"deployment_ids": ids}, None),
        ("worker of the pool, twenty due", f"{worker}/get_scheduled_flow_runs", soon, 5),
        ("worker of the pool, 200 runs", f"{worker}/get_scheduled_flow_runs", {}, 5),
        (
            "worker of a queue, two due",
            f"{worker}/get_scheduled_flow_runs",
            {"work_queue_names": ["queue-3"], **soon},
            5,
        ),
    ]
    return [Question(*each) for each in asked]


async def _scheduler(new: NewDatabase, many: str, repetitions: int) -> list[Figure]:
    first, idle = [], []
    for _ in range(min(repetitions, 5)):
        url = new()
        await asyncio.to_thread(deployed.build, url, NEW, planned=False)
        async with _opened(url) as database:
            first.append(await _pass(database, Scheduled(NEW, 3 * NEW)))
    async with _opened(many) as database:
        for _ in range(repetitions):
            idle.append(await _pass(database, Scheduled()))
    return [
        Figure(f"scheduler: {3 * NEW} runs of {NEW} new deployments", Samples(first, "ms")),
        Figure(f"scheduler: {MANY:,} deployments with nothing to do", Samples(idle, "ms")),
    ]


async def _pass(database: Database, expected: Scheduled) -> float:
    """Milliseconds of a pass."""
    begun = time.perf_counter()
    done = await scheduler.run_once(database, Settings())
    took = 1000 * (time.perf_counter() - begun)
    assert done == expected, done
    return took


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    settings = Settings(database_url=url, ephemeral=True)
    database = await open_database(settings, ManualClock(NOW), lambda events: None)
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def _databases(postgres: bool) -> Iterator[NewDatabase]:
    if postgres:
        from tests.databases import postgres_server

        with postgres_server() as server:
            yield lambda: server.url(server.create_database())
        return
    with tempfile.TemporaryDirectory() as folder:
        numbers = itertools.count()
        yield lambda: f"sqlite+aiosqlite:///{Path(folder, f'{next(numbers)}.db')}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.runners", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument("--plans", action="store_true", help="show SQLite's query plans as well")
    parser.add_argument("--repetitions", type=int, default=7, metavar="N")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
