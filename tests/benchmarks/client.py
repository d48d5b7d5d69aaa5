"""The client process: one kind of work for so many seconds, its figures as JSON on a line.

    python -m tests.benchmarks.client PORT PREFIX WORK CONNECTIONS SECONDS

The same for every server. Nothing of the measured packages is imported.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator

from tests.benchmarks.wire import Request, Tally, Work, ask, drive

#: Seconds that rounds which were begun in time may take to end.
GRACE = 5.0
LOG_ROWS = 1000
FILTERED_RUNS = 200
LIMITS = "/v2/concurrency_limits"
#: How many slots there are for each kind of work: enough for all clients, or none.
SLOTS = {"lease": 1000, "denied": 0}


class Api:
    """Work for one server, with what it needs made beforehand.

    Args:
        port: where it listens.
        prefix: where its API is mounted.

    Attributes:
        done: units of work that were finished, by all connections.
        until: when they stop, as `time.perf_counter` counts.
    """

    def __init__(self, port: int, prefix: str) -> None:
        self._prefix = prefix
        self.done = 0
        self.until = 0.0
        self._limit = f"benchmark-{os.getpid()}"
        flow = json.loads(ask(port, self.post("/flows/", {"name": "benchmark"})))
        self._new_run = self.post(
            "/flow_runs/", {"flow_id": flow["id"], "state": _state("PENDING")}
        )
        self._run = json.loads(ask(port, self._new_run))["id"]

    def fill(self) -> Work:
        """Make enough runs for `filter`."""
        for _ in range(FILTERED_RUNS):
            yield self._new_run

    def post(self, path: str, body: object) -> Request:
        return Request("POST", self._prefix + path, json.dumps(body).encode())

    def rounds(self, size: int = 1) -> Iterator[None]:
        """Go on until the time is over, and count each round as `size`."""
        while time.perf_counter() < self.until:
            yield
            self.done += size

    def create(self) -> Work:
        for _ in self.rounds():
            yield self._new_run

    def cycle(self) -> Work:
        """Create a run, set it Running, set it Completed."""
        running, completed = (
            json.dumps({"state": _state(name)}).encode() for name in ("RUNNING", "COMPLETED")
        )
        for _ in self.rounds():
            run = json.loads((yield self._new_run))["id"]
            path = f"{self._prefix}/flow_runs/{run}/set_state"
            for state in (running, completed):
                answer = json.loads((yield Request("POST", path, state)))
                if answer["status"] != "ACCEPT":
                    raise SystemExit(f"set_state was not accepted: {answer}")

    def read(self) -> Work:
        for _ in self.rounds():
            yield Request("GET", f"{self._prefix}/flow_runs/{self._run}")

    def filter(self) -> Work:
        request = self.post("/flow_runs/filter", {"limit": FILTERED_RUNS})
        for _ in self.rounds():
            found = yield request
            if found.count(b'"flow_id"') < FILTERED_RUNS:
                raise SystemExit(f"the filter found fewer than {FILTERED_RUNS} runs")

    def logs(self) -> Work:
        row = {"name": "prefect.flow_runs", "level": 20, "flow_run_id": self._run}
        at = "2026-11-22T10:00:00Z"
        rows = [{**row, "timestamp": at, "message": f"line {n}"} for n in range(LOG_ROWS)]
        request = self.post("/logs/", rows)
        for _ in self.rounds(LOG_ROWS):
            yield request

    def limit(self, slots: int) -> Work:
        """Make the limit that `lease` and `denied` ask for."""
        body = {"name": self._limit, "limit": slots or 1, "active_slots": 0 if slots else 1}
        yield self.post(f"{LIMITS}/", body)

    def lease(self) -> Work:
        """Take a slot of a limit, give it back."""
        taking = self._taking(self._limit)
        for _ in self.rounds():
            lease = json.loads((yield taking))["lease_id"]
            yield self.post(f"{LIMITS}/decrement-with-lease", {"lease_id": lease})

    def denied(self) -> Work:
        """Ask for a slot of a limit that has none."""
        taking = self._taking(self._limit)
        for _ in self.rounds():
            if b"Locked" not in (yield taking):
                raise SystemExit("a slot was given that is not there")

    def unlimited(self) -> Work:
        """Ask for slots of tags that have no limits, as before every task run with tags."""
        taking = self._taking("tag:a", "tag:b")
        for _ in self.rounds():
            yield taking

    def _taking(self, *names: str) -> Request:
        return self.post(f"{LIMITS}/increment-with-lease", {"names": names, "slots": 1})


def main() -> None:
    port, prefix, name, connections, seconds = sys.argv[1:]
    api = Api(int(port), prefix)
    work: Callable[[], Work] = getattr(api, name)
    if name == "filter":
        drive(int(port), [api.fill()])
    if name in SLOTS:
        drive(int(port), [api.limit(SLOTS[name])])
    began = time.perf_counter()
    api.until = began + float(seconds)
    works = [work() for _ in range(int(connections))]
    tally = drive(int(port), works, float(seconds) + GRACE)
    print(json.dumps(_report(api.done, time.perf_counter() - began, tally)))


def _report(done: int, seconds: float, tally: Tally) -> dict[str, float]:
    ordered = sorted(tally.latencies) or [float("nan")]
    return {
        "rate": done / seconds,
        "median_ms": 1000 * ordered[len(ordered) // 2],
        "p99_ms": 1000 * ordered[len(ordered) * 99 // 100],
        "slowest_ms": 1000 * ordered[-1],
        "busy": tally.busy,
        "reconnects": tally.reconnects,
        "abandoned": tally.abandoned,
    }


def _state(name: str) -> dict[str, str]:
    return {"type": name, "name": name.capitalize()}


if __name__ == "__main__":
    main()
