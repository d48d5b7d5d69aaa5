"""Lists, counts and pages of task runs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ephemeral_server.task_runs.schemas import TaskRun, TaskRunPage
from tests.api.objects import new_flow_run, new_task_run
from tests.api.shapes import assert_shape


@pytest.fixture
def runs(api: httpx.Client) -> list[dict[str, Any]]:
    """Four task runs of a flow run, the oldest first, and one of nobody."""
    flow_run = new_flow_run(api, "RUNNING", name="outer")["id"]
    states = ["PENDING", "RUNNING", "COMPLETED", "FAILED"]
    return [
        *(
            new_task_run(api, state, flow_run_id=flow_run, name=f"task-{n}", tags=[f"t{n}"])
            for n, state in enumerate(states)
        ),
        new_task_run(api, name="alone"),
    ]


def test_without_a_body_all_are_listed_the_newest_first(
    api: httpx.Client, runs: list[dict[str, Any]]
) -> None:
    answer = api.post("/task_runs/filter")

    assert [run["id"] for run in answer.json()] == [run["id"] for run in reversed(runs)]
    assert_shape(list[TaskRun], answer.json())


@pytest.mark.parametrize(
    ("criteria", "names"),
    [
        ({"task_runs": {"state": {"type": {"any_": ["FAILED"]}}}}, ["task-3"]),
        ({"task_runs": {"tags": {"all_": ["t1"]}}}, ["task-1"]),
        ({"task_runs": {"flow_run_id": {"is_null_": True}}}, ["alone"]),
        ({"flow_runs": {"name": {"any_": ["nobody"]}}}, []),
        (
            {"flow_runs": {"name": {"any_": ["outer"]}}},
            ["task-0", "task-1", "task-2", "task-3"],
        ),
    ],
)
def test_lists_counts_and_pages_agree_on_a_filter(
    api: httpx.Client, runs: list[dict[str, Any]], criteria: dict[str, Any], names: list[str]
) -> None:
    listed = api.post("/task_runs/filter", json={**criteria, "sort": "NAME_ASC"}).json()

    assert [run["name"] for run in listed] == names
    assert api.post("/task_runs/count", json=criteria).json() == len(names)
    assert api.post("/task_runs/paginate", json=criteria).json()["count"] == len(names)


def test_a_page_tells_where_it_is(api: httpx.Client, runs: list[dict[str, Any]]) -> None:
    page = api.post("/task_runs/paginate", json={"sort": "NAME_ASC", "limit": 2, "page": 2}).json()

    assert_shape(TaskRunPage, page)
    assert [run["name"] for run in page["results"]] == ["task-1", "task-2"]
    assert [page[key] for key in ("count", "limit", "pages", "page")] == [5, 2, 3, 2]


def test_limit_and_offset_cut_a_part_out(api: httpx.Client, runs: list[dict[str, Any]]) -> None:
    def names(**body: Any) -> list[str]:
        listed = api.post("/task_runs/filter", json={"sort": "NAME_ASC", **body}).json()
        return [run["name"] for run in listed]

    assert names(limit=2, offset=1) == ["task-0", "task-1"]
    assert names(limit=None, offset=4) == ["task-3"]
    assert (names(offset=5), names(limit=0)) == ([], [])


def test_a_limit_out_of_range_is_refused_with_the_words_that_clients_look_for(
    api: httpx.Client,
) -> None:
    for limit, rule in ((201, "less than or equal to 200"), (-1, "greater than or equal to 0")):
        for path in ("filter", "paginate"):
            answer = api.post(f"/task_runs/{path}", json={"limit": limit})
            assert answer.status_code == 422
            assert answer.json() == {"detail": f"Invalid limit: must be {rule}."}


def test_a_body_that_does_not_fit_is_refused(api: httpx.Client) -> None:
    bodies: list[dict[str, Any]] = [
        {"limit": "many"},
        {"offset": -1, "page": 0},
        {"sort": "BY_COLOR"},
        {"sort": "START_TIME_ASC"},
        {"task_runs": {"color": {"any_": ["red"]}}},
        {"task_runs": {"id": {"any_": ["no uuid"]}}},
    ]
    for body in bodies:
        for path in ("filter", "paginate"):
            answer = api.post(f"/task_runs/{path}", json=body)
            assert answer.status_code == 422, (path, body)
            assert answer.json()["request_body"] == body
