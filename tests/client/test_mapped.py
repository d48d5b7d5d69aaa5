"""A task mapped over hundreds of items: nothing is lost, doubled or mixed up."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import httpx
from prefect import flow, task
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import StateType, TaskRun
from prefect.client.schemas.sorting import TaskRunSort

from ephemeral_server import EphemeralServer
from tests.client.history import History
from tests.client.traffic import Traffic

ITEMS = 500

#: As many as the server answers with at once.
PAGE = 200


@task(task_run_name="double-{n}")
def double(n: int) -> int:
    return 2 * n


@flow
def maps(count: int) -> int:
    return sum(double.map(list(range(count))).result())


def all_task_runs(history: History, flow_run_id: UUID) -> tuple[list[TaskRun], list[int]]:
    """The task runs of a flow run, and how many of them each page had."""
    chosen = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    runs: list[TaskRun] = []
    pages: list[int] = []
    while page := history.client.read_task_runs(
        flow_run_filter=chosen, sort=TaskRunSort.ID_DESC, limit=PAGE, offset=len(runs)
    ):
        runs += page
        pages.append(len(page))
    return runs, pages


def test_each_of_500_mapped_tasks_is_recorded_once_and_whole(
    history: History, traffic: Traffic, server: EphemeralServer
) -> None:
    assert maps(ITEMS) == ITEMS * (ITEMS - 1)
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Running", "Completed"]

    runs, pages = all_task_runs(history, run.id)

    assert pages == [PAGE, PAGE, ITEMS - 2 * PAGE]
    assert Counter(each.state_type for each in runs) == {StateType.COMPLETED: ITEMS}
    assert {each.name for each in runs} == {f"double-{n}" for n in range(ITEMS)}
    assert len({each.id for each in runs}) == len({each.dynamic_key for each in runs}) == ITEMS
    assert {each.task_key for each in runs} == {runs[0].task_key}
    for each in runs:
        assert (each.flow_run_id, each.run_count, each.flow_run_run_count) == (run.id, 1, 1)
        assert each.start_time is not None
        assert each.end_time is not None
        assert each.total_run_time == each.end_time - each.start_time
    in_order = ["Pending", "Running", "Completed"]
    with httpx.Client(base_url=server.api_url) as api:
        for each in runs:
            answer = api.get("/task_run_states/", params={"task_run_id": str(each.id)}).json()
            states = sorted(answer, key=lambda state: str(state["timestamp"]))
            assert [state["name"] for state in states] == in_order
    assert Counter(traffic.event_names()) == {
        f"prefect.task-run.{name}": ITEMS for name in in_order
    }
