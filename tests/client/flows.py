"""Tasks and a flow that many tests run."""

from __future__ import annotations

from prefect import flow, task


@task
def add(a: int, b: int) -> int:
    return a + b


@flow(name="two-ways")
def two_ways(x: int) -> int:
    """Calls its task in both ways: in the background and directly."""
    return add.submit(x, 1).result() + add(x, 2)
