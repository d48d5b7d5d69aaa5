"""Lists, counts and pages of flow runs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ephemeral_server.flow_runs.schemas import FlowRunPage, FlowRunResponse
from tests.api.objects import new_flow, new_flow_run, new_task_run
from tests.api.shapes import assert_shape


@pytest.fixture
def runs(api: httpx.Client) -> list[dict[str, Any]]:
    """Five runs of one flow, the oldest first; the last two have failed."""
    flow = new_flow(api, name="listed")["id"]
    states = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "FAILED"]
    return [
        new_flow_run(api, state, flow_id=flow, name=f"run-{n}", tags=[f"t{n}"])
        for n, state in enumerate(states)
    ]


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [run["name"] for run in answer.json()]


def test_without_a_body_all_are_listed_the_newest_first(
    api: httpx.Client, runs: list[dict[str, Any]]
) -> None:
    answer = api.post("/flow_runs/filter")

    assert [run["id"] for run in answer.json()] == [run["id"] for run in reversed(runs)]
    assert_shape(list[FlowRunResponse], answer.json())


def test_limit_and_offset_cut_a_part_out(api: httpx.Client, runs: list[dict[str, Any]]) -> None:
    body = {"sort": "NAME_ASC", "limit": 2, "offset": 1}

    assert names(api.post("/flow_runs/filter", json=body)) == ["run-1", "run-2"]
    assert names(api.post("/flow_runs/filter", json={**body, "offset": 5})) == []
    assert names(api.post("/flow_runs/filter", json={**body, "limit": 0})) == []


def test_what_the_client_leaves_open_is_null(api: httpx.Client, runs: list[dict[str, Any]]) -> None:
    body = dict.fromkeys(["flows", "flow_runs", "task_runs", "deployments", "sort", "limit"])

    assert len(names(api.post("/flow_runs/filter", json={**body, "offset": 0}))) == 5


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}}, 2),
        ({"flow_runs": {"state": {"type": {"not_any_": ["FAILED"]}}}}, 3),
        ({"flow_runs": {"tags": {"all_": ["t1"]}}}, 1),
        ({"flow_runs": {"name": {"like_": "RUN"}}}, 5),
        ({"flows": {"name": {"any_": ["listed"]}}}, 5),
        ({"flows": {"name": {"any_": ["other"]}}}, 0),
        ({"task_runs": {"name": {"any_": ["of-run-1"]}}}, 1),
        (
            {
                "flow_runs": {
                    "operator": "or_",
                    "tags": {"all_": ["t0"]},
                    "state": {"type": {"any_": ["RUNNING"]}},
                }
            },
            2,
        ),
    ],
)
def test_lists_and_counts_agree_on_a_filter(
    api: httpx.Client, runs: list[dict[str, Any]], criteria: dict[str, Any], found: int
) -> None:
    new_task_run(api, flow_run_id=runs[1]["id"], name="of-run-1")

    assert len(names(api.post("/flow_runs/filter", json=criteria))) == found
    assert api.post("/flow_runs/count", json=criteria).json() == found
    assert api.post("/flow_runs/paginate", json=criteria).json()["count"] == found


def test_a_page_tells_where_it_is(api: httpx.Client, runs: list[dict[str, Any]]) -> None:
    answer = api.post("/flow_runs/paginate", json={"sort": "NAME_ASC", "limit": 2, "page": 3})

    page = answer.json()
    assert_shape(FlowRunPage, page)
    assert [run["name"] for run in page["results"]] == ["run-4"]
    assert {key: page[key] for key in ("count", "limit", "pages", "page")} == {
        "count": 5,
        "limit": 2,
        "pages": 3,
        "page": 3,
    }


def test_a_body_that_does_not_fit_is_refused(api: httpx.Client) -> None:
    bodies: list[Any] = [
        {"limit": "many"},
        {"offset": -1, "page": 0},
        {"offset": 10**30, "page": 10**30},
        {"sort": "BY_COLOR"},
        {"flow_runs": {"state": {"type": {"any_": ["SLEEPING"]}}}},
        {"flow_runs": {"color": {"any_": ["red"]}}},
        {"flow_runs": {"id": {"any_": ["no uuid"]}}},
        {"flow_runs": {"name": {"any_": ["nul\x00"]}}},
        [],
    ]
    for body in bodies:
        for path in ("filter", "paginate"):
            answer = api.post(f"/flow_runs/{path}", json=body)
            assert answer.status_code == 422, (path, body)
            assert answer.json()["exception_message"] == "Invalid request received."
            assert answer.json()["request_body"] == body


def test_a_limit_out_of_range_is_refused_with_the_words_that_clients_look_for(
    api: httpx.Client,
) -> None:
    for limit, rule in ((201, "less than or equal to 200"), (-1, "greater than or equal to 0")):
        for path in ("filter", "paginate"):
            answer = api.post(f"/flow_runs/{path}", json={"limit": limit})
            assert answer.status_code == 422
            assert answer.json() == {"detail": f"Invalid limit: must be {rule}."}
