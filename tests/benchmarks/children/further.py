"""Further servers beside a first one, in one process: start to first answer, and shutdown.

Prints the milliseconds of each as JSON. The argument is how many.
"""

from __future__ import annotations

import json
import sys
import time

from ephemeral_server import ephemeral
from tests.benchmarks.children.first_answer import first_answer


def main() -> None:
    starts, stops = [], []
    with ephemeral() as first:
        first_answer(first.port, "/api/health")
        for _ in range(int(sys.argv[1])):
            began = time.perf_counter()
            server = ephemeral().start()
            first_answer(server.port, "/api/health")
            starts.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            server.shutdown()
            stops.append(1000 * (time.perf_counter() - began))
    print(json.dumps({"start": starts, "shutdown": stops}))


if __name__ == "__main__":
    main()
