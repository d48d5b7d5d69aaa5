"""A cold start of ours: `with ephemeral()` in a fresh interpreter.

Prints when the first answer was there, as `time.monotonic` counts. The argument says to what:
``health``, or ``flow`` for the first row in the database. A second one is the mode.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from ephemeral_server import ephemeral
from tests.benchmarks.children.first_answer import first_answer

REQUESTS = {"health": ("/api/health", b""), "flow": ("/api/flows/", b'{"name": "first"}')}


def main() -> None:
    mode: Any = sys.argv[2] if len(sys.argv) > 2 else "thread"
    with ephemeral(mode=mode) as server:
        first_answer(server.port, *REQUESTS[sys.argv[1]])
        print(time.monotonic())


if __name__ == "__main__":
    main()
