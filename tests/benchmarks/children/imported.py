"""Prints the milliseconds that `import ephemeral_server` takes."""

from __future__ import annotations

import time

began = time.perf_counter()
import ephemeral_server  # noqa: E402, F401 - what is measured

print(1000 * (time.perf_counter() - began))
