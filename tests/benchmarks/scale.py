"""How much longer answers take among 100,000 flow runs and 1,000,000 logs than among 1,000 runs.

    python -m tests.benchmarks.scale [--plans] [--only TEXT] [--repetitions N] [--keep FOLDER]

Both databases are built first, which takes about a minute. Then one client asks both servers in
turns, and the table says for each question: the median on many runs, the median on few, and
their ratio, which must be at most 5. The exit status is 1 if one is larger. `--plans` shows how
SQLite finds the rows of each statement.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import servers, world
from tests.benchmarks.figures import Bound, Figure, Samples, table
from tests.benchmarks.questions import Question, questions
from tests.benchmarks.wire import Request, Work, drive

FEW, MANY = 1_000, 100_000
#: Requests for each sample that nobody counts, and those whose median is the sample.
WARM, TIMED = 1, 3


def main() -> int:
    options = _options()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        worlds = [_world(folder, runs) for runs in (FEW, MANY)]
        if options.analyze:
            for url, _ in worlds:
                _analyze(url)
        asked = [questions(known) for _, known in worlds]
        pairs = [pair for pair in zip(*asked, strict=True) if options.only in pair[0].name]
        ports = [stack.enter_context(servers.ours(database_url=url)).port for url, _ in worlds]
        beside = f"on {FEW:,} runs"
        figures = [compared(few, many, ports, options.repetitions, beside) for few, many in pairs]
        print(table(figures))
        if options.plans:
            stack.close()
            show_plans(worlds[1][0], [many for _, many in pairs])
    missed = [figure.name for figure in figures if not figure.reached]
    print(f"not reached: {', '.join(missed)}" if missed else "all reached")
    return 1 if missed else 0


def _world(folder: Path, runs: int) -> tuple[str, world.Known]:
    """The URL of a world of so many runs, built unless the folder holds it, and what is in it."""
    file, notes = folder / f"{runs}.db", folder / f"{runs}.json"
    url = f"sqlite+aiosqlite:///{file}"
    if not notes.exists():
        folder.mkdir(parents=True, exist_ok=True)
        print(f"building {file}", file=sys.stderr)
        notes.write_text(json.dumps(world.build(url, runs)))
    return url, world.Known(*json.loads(notes.read_text()))


def compared(
    few: Question, many: Question, ports: list[int], repetitions: int, beside: str
) -> Figure:
    """How long the answers to a question take in two worlds, asked in turns.

    Args:
        few: the question in the small world, whose server has the first of `ports`.
        many: the same in the large world.
        repetitions: samples of each.
        beside: what the small world is called.
    """
    samples: list[list[float]] = [[], []]
    sizes = [0, 0]
    for _ in range(repetitions):
        for place, question in enumerate((few, many)):
            milliseconds, sizes[place] = _ask(ports[place], question)
            samples[place].append(milliseconds)
    name = many.name if sizes[0] == sizes[1] else f"{many.name} ({sizes[1]} rows, {sizes[0]})"
    bound = None if many.bound is None else Bound(many.bound, ratio=True)
    return Figure(name, Samples(samples[1], "ms"), Samples(samples[0], "ms"), beside, bound)


def _ask(port: int, question: Question) -> tuple[float, int]:
    """Milliseconds of an answer, the median of a few on one connection, and its rows."""
    request = Request("POST", f"/api{question.path}", json.dumps(question.body).encode())
    bodies: list[bytes] = []

    def work() -> Work:
        for _ in range(WARM + TIMED):
            bodies.append((yield request))

    latencies = drive(port, [work()]).latencies[WARM:]
    answer = json.loads(bodies[-1])
    return 1000 * sorted(latencies)[TIMED // 2], len(answer) if isinstance(answer, list) else 1


def _analyze(url: str) -> None:
    import sqlite3

    connection = sqlite3.connect(url.partition(":///")[2])
    connection.execute("ANALYZE")
    connection.commit()
    connection.close()


def show_plans(url: str, asked: list[Question]) -> None:
    """Print how SQLite finds the rows of each question's statements."""
    from ephemeral_server.settings import Settings
    from tests.application import Application
    from tests.plans import plans_of

    with Application(Settings(database_url=url, ephemeral=True)).running() as application:
        for question in asked:
            print(f"\n{question.name}")
            for statement in plans_of(application, question.path, question.body):
                print(f"  {' '.join(statement.sql.split())}")
                for line in statement.plan:
                    print(f"    {line}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.scale", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--plans", action="store_true", help="show the query plans as well")
    parser.add_argument("--only", default="", metavar="TEXT", help="questions that contain it")
    parser.add_argument("--repetitions", type=int, default=7, metavar="N")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the databases there and use them again"
    )
    parser.add_argument("--analyze", action="store_true", help="with SQLite's statistics")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
