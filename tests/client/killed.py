"""A process that runs a flow until it is killed in the middle of it."""

from __future__ import annotations

import threading

from prefect import flow, task


@task
def done() -> int:
    return 1


@task
def never_done() -> None:
    threading.Event().wait()


@flow
def killed() -> None:
    done()
    never_done()


if __name__ == "__main__":
    killed()
