"""A process with many clients that race for the slots of limits, each on its own connection.

    python contenders.py ORDER

The order is JSON: ``ports`` of servers, ``names`` of limits, how many ``clients``, the id of their
``holder``, and how many ``rounds`` each client goes, taking slots and giving them back; with 0
nobody gives anything back. For each time that slots are held it prints a line of JSON with the
instants of a clock that all processes share: from when, and until when (null: for ever).
"""

from __future__ import annotations

import json
import random
import sys
import time
from http.client import HTTPConnection
from threading import Thread
from typing import Any

PATH = "/api/v2/concurrency_limits"
HELD_SECONDS = 0.004


class Contender:
    """One client."""

    def __init__(self, port: int, order: dict[str, Any]) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._rounds: int = order["rounds"]
        names = random.sample(order["names"], len(order["names"]))  # each in an order of its own
        holder = {"type": "task_run", "id": order["holder"]}
        self._wanted = {"names": names, "slots": 1, "lease_duration": 60, "holder": holder}

    def run(self) -> None:
        if not self._rounds:
            self._take()
            _print([time.monotonic(), None])
            return
        for _ in range(self._rounds):
            lease = self._take()
            start = time.monotonic()
            time.sleep(HELD_SECONDS)
            _print([start, time.monotonic()])
            status, _ = self._post("decrement-with-lease", {"lease_id": lease})
            assert status == 204, status
        self._connection.close()

    def _take(self) -> str:
        while True:
            status, answer = self._post("increment-with-lease", self._wanted)
            if status == 200:
                lease: str = json.loads(answer)["lease_id"]
                return lease
            assert status == 423, (status, answer)
            time.sleep(random.uniform(0.03, 0.12))  # what the server asks for would take long

    def _post(self, route: str, body: dict[str, Any]) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", f"{PATH}/{route}", json.dumps(body), headers)
        response = self._connection.getresponse()
        return response.status, response.read()


def _print(interval: list[float | None]) -> None:
    sys.stdout.write(json.dumps(interval) + "\n")  # one write, since many threads print
    sys.stdout.flush()


def main() -> None:
    order = json.loads(sys.argv[1])
    ports = order["ports"]
    contenders = [Contender(ports[n % len(ports)], order) for n in range(order["clients"])]
    threads = [Thread(target=contender.run) for contender in contenders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not order["rounds"]:
        time.sleep(600)  # until it is killed


if __name__ == "__main__":
    main()
