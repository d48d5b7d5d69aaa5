"""A process that does nothing but `with ephemeral()`, until its standard input ends.

Prints the port. The first argument is the mode; with ``busy`` as a second one the main thread
runs pure Python all the time, as a notebook cell or a script may.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from ephemeral_server import ephemeral


def main() -> None:
    mode: Any = sys.argv[1]
    with ephemeral(mode=mode) as server:
        print(server.port, flush=True)
        if "busy" in sys.argv[2:]:
            _compute_until_told()
        else:
            sys.stdin.read()


def _compute_until_told() -> None:
    told = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        told.set()

    threading.Thread(target=wait, daemon=True).start()
    total = 0
    while not told.is_set():
        for number in range(10_000):
            total += number * number


if __name__ == "__main__":
    main()
