"""Many flows of one process at the same time: each has its own runs, and nobody else's."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.client.schemas.objects import FlowRun, TaskRun

from tests.client.history import History

FLOWS = 20
TASKS = 3

IN_ORDER = ["Pending", "Running", "Completed"]


@task(task_run_name="{flow_number}-{n}")
def adds(flow_number: int, n: int) -> int:
    get_run_logger().info("task %s-%s", flow_number, n)
    return 100 * flow_number + n


@task(task_run_name="{flow_number}-{n}")
async def adds_async(flow_number: int, n: int) -> int:
    get_run_logger().info("task %s-%s", flow_number, n)
    await asyncio.sleep(0)
    return 100 * flow_number + n


def result_of(number: int) -> int:
    """What the flow with this number gives."""
    return sum(100 * number + n for n in range(TASKS))


def check(history: History) -> None:
    """Every flow run has its own three task runs, states and log, and there is nothing else."""
    runs = {run.parameters["number"]: run for run in history.flow_runs()}
    assert set(runs) == set(range(FLOWS))
    assert len({run.id for run in runs.values()}) == len(history.flow_runs()) == FLOWS
    of_flow: dict[Any, list[TaskRun]] = {}
    for task_run in history.task_runs():
        of_flow.setdefault(task_run.flow_run_id, []).append(task_run)
    assert set(of_flow) == {run.id for run in runs.values()}
    for number, run in runs.items():
        check_one(history, number, run, of_flow[run.id])


def check_one(history: History, number: int, run: FlowRun, task_runs: list[TaskRun]) -> None:
    names = {f"{number}-{n}" for n in range(TASKS)}
    assert {task_run.name for task_run in task_runs} == names
    assert len(task_runs) == TASKS
    assert history.state_names(run) == IN_ORDER
    assert run.run_count == 1
    for task_run in task_runs:
        assert history.state_names(task_run) == IN_ORDER
    logs = history.logs(run.id)
    own: dict[Any, str] = {task_run.id: task_run.name for task_run in task_runs}
    assert {log.task_run_id for log in logs} == {None, *own}
    said = {log.message: own[log.task_run_id] for log in logs if log.message.startswith("task ")}
    assert said == {f"task {name}": name for name in names}


def test_twenty_flows_in_threads(history: History) -> None:
    @flow
    def works(number: int) -> int:
        futures = [adds.submit(number, n) for n in range(TASKS - 1)]
        return adds(number, TASKS - 1) + sum(future.result() for future in futures)

    with ThreadPoolExecutor(FLOWS) as pool:
        results = [pool.submit(copy_context().run, works, number) for number in range(FLOWS)]
        assert [result.result() for result in results] == [result_of(n) for n in range(FLOWS)]
    check(history)


def test_twenty_flows_on_one_loop(history: History) -> None:
    @flow
    async def works(number: int) -> int:
        return sum(await asyncio.gather(*(adds_async(number, n) for n in range(TASKS))))

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(works(number) for number in range(FLOWS)))

    assert asyncio.run(all_of_them()) == [result_of(number) for number in range(FLOWS)]
    check(history)
