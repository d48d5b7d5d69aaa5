"""Many runs at once: tasks mapped over items, flows in threads and on one event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from prefect import flow, task

from tests.client.history import History


@task
def double(n: int) -> int:
    return 2 * n


def test_every_mapped_task_is_recorded(history: History) -> None:
    @flow
    def maps(count: int) -> int:
        return sum(double.map(list(range(count))).result())

    assert maps(40) == 2 * sum(range(40))
    task_runs = history.task_runs(history.flow_run())
    assert [run.state_name for run in task_runs] == ["Completed"] * 40
    assert len({run.dynamic_key for run in task_runs}) == 40
    for run in task_runs[:3]:
        assert history.state_names(run) == ["Pending", "Running", "Completed"]


def test_flows_in_threads_are_recorded_each_by_itself(history: History) -> None:
    @flow
    def adds(n: int) -> int:
        return double(n) + 1

    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(copy_context().run, adds, n) for n in range(8)]
        assert sorted(result.result() for result in results) == [2 * n + 1 for n in range(8)]
    runs = history.flow_runs()
    assert sorted(run.parameters["n"] for run in runs) == list(range(8))
    assert {run.state_name for run in runs} == {"Completed"}
    for run in runs:
        (task_run,) = history.task_runs(run)
        assert task_run.state_name == "Completed"


def test_asynchronous_subflows_run_side_by_side(history: History) -> None:
    @flow
    async def child(n: int) -> int:
        await asyncio.sleep(0)
        return n

    @flow
    async def parent() -> int:
        return sum(await asyncio.gather(*(child(n) for n in range(5))))

    assert asyncio.run(parent()) == 10
    outer, *children = history.flow_runs()
    assert len(children) == 5
    wrappers = {run.id: run for run in history.task_runs(outer)}
    assert {run.parent_task_run_id for run in children} == set(wrappers)
    assert {run.state_name for run in (outer, *children)} == {"Completed"}
    assert {run.state_name for run in wrappers.values()} == {"Completed"}
