"""How many task-run events a second become rows on SQLite.

    python -m tests.benchmarks.recorder [--repetitions N] [--runs N]

Each task run sends three events, as a client does. *Recorder*: from parsed events to task runs
and their states. *All of ingest*: from the JSON text of a frame through the bus to task runs,
states and the stored events with their resources. All times end when everything is written.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ephemeral_server.clock import SystemClock
from ephemeral_server.events.bus import EventBus
from ephemeral_server.events.persister import EventPersister
from ephemeral_server.events.recorder import TaskRunRecorder
from ephemeral_server.events.schemas import EventIn
from tests.benchmarks.figures import Bound, Figure, Samples, table
from tests.events.support import ClientTaskRun, add_flow_run, opened, received

STATES = ("PENDING", "RUNNING", "COMPLETED")
MAXIMUM_BYTES = 1_500_000


def measure(repetitions: int, runs: int) -> list[Figure]:
    """Events a second.

    Args:
        repetitions: samples of each figure.
        runs: task runs of each sample.
    """
    least = Bound(3000, least=True)
    return [
        Figure(
            name, Samples([asyncio.run(sample(runs)) for _ in range(repetitions)], "/s"), bound=b
        )
        for name, sample, b in (("recorder", recorder, least), ("all of ingest", ingest, None))
    ]


async def recorder(runs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with opened(f"sqlite+aiosqlite:///{Path(folder, 'data.db')}") as database:
            events = [received(sent) for sent in _sent(await add_flow_run(database), runs)]
            consumer = TaskRunRecorder(database)
            began = time.perf_counter()
            consumer.offer(events)
            await consumer.stop()
            return len(events) / (time.perf_counter() - began)


async def ingest(runs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with opened(f"sqlite+aiosqlite:///{Path(folder, 'data.db')}") as database:
            frames = [json.dumps(sent) for sent in _sent(await add_flow_run(database), runs)]
            consumers = TaskRunRecorder(database), EventPersister(database)
            clock = SystemClock()
            bus = EventBus(clock, MAXIMUM_BYTES)
            for consumer in consumers:
                bus.subscribe(consumer)
            began = time.perf_counter()
            for frame in frames:
                await bus.ingest([EventIn.model_validate_json(frame).to_event(clock.now())])
                await asyncio.sleep(0)  # a frame takes at least a turn of the loop
            for consumer in consumers:
                await consumer.stop()
            return len(frames) / (time.perf_counter() - began)


def _sent(flow_run_id: str, runs: int) -> list[dict[str, Any]]:
    """The events of `runs` task runs, those of ten runs at a time mixed."""
    found = []
    for first in range(0, runs, 10):
        several = [ClientTaskRun(flow_run_id) for _ in range(first, min(first + 10, runs))]
        found += [run.entered(s, at) for at, s in enumerate(STATES) for run in several]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.recorder")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3000)
    options = parser.parse_args()
    figures = measure(options.repetitions, options.runs)
    print(table(figures))
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
