"""Background tasks; run as a program, this module is the worker that serves them."""

from __future__ import annotations

import os
import time
from pathlib import Path

from prefect import task

#: Seconds that a task waits for its file.
PATIENCE = 20.0


@task(persist_result=True)
def double(n: int) -> int:
    return 2 * n


@task(persist_result=True)
def wait_for(file: str) -> int:
    """Return the id of this process as soon as there is a file of this name."""
    deadline = time.monotonic() + PATIENCE
    while not Path(file).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return os.getpid()


@task(persist_result=True, retries=2, retry_delay_seconds=0.05)
def flaky(folder: str) -> int:
    """Fail until it was tried three times; each try leaves a file."""
    tries = len(os.listdir(folder)) + 1
    Path(folder, str(tries)).touch()
    if tries < 3:
        raise ValueError("not yet")
    return tries


@task
def hopeless() -> None:
    raise ValueError("no")


if __name__ == "__main__":
    from prefect.task_worker import serve

    # Under this name the tasks are the same as in the process that delays them.
    from tests.client import background

    serve(background.double, background.wait_for, background.flaky, background.hopeless, limit=2)
