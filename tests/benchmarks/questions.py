"""What `tests.benchmarks.scale` asks: listings, counts, histories and logs."""

from __future__ import annotations

from typing import Any, NamedTuple

from ephemeral_server.clock import SECOND, isoformat
from tests.benchmarks.world import END, START, Known

_DAY = 86_400 * SECOND
#: The orders in which runs are listed most.
SORTS = ("ID_DESC", "START_TIME_DESC", "EXPECTED_START_TIME_DESC")


class Question(NamedTuple):
    """A request whose answer is as large in a small world as in a large one.

    Attributes:
        name: in the table.
        path: below ``/api``.
        body: JSON.
        bound: how many times longer it may take among a hundred times as many runs.
    """

    name: str
    path: str
    body: dict[str, Any]
    bound: float | None = 5


def questions(known: Known) -> list[Question]:
    """All of them, about one world."""
    return [*_listings(known), *_counts(known), *_histories(known), *_logs(known), *_pages(known)]


def _runs(**criteria: Any) -> dict[str, Any]:
    return {"flow_runs": criteria}


def _state(**criteria: Any) -> dict[str, Any]:
    return _runs(state=criteria)


def _between(name: str, after: int, before: int | None = None) -> dict[str, Any]:
    times = {"after_": isoformat(after)}
    if before is not None:
        times["before_"] = isoformat(before)
    return _runs(**{name: times})


def _listings(known: Known) -> list[Question]:
    month = START + 15 * _DAY
    filters: list[tuple[str, dict[str, Any], int]] = [
        ("all", {}, 200),
        ("state type, most", _state(type={"any_": ["COMPLETED"]}), 200),
        ("state type, few", _state(type={"any_": ["FAILED", "CRASHED"]}), 50),
        ("state name", _state(name={"any_": ["Completed"]}), 200),
        ("state name, few", _state(name={"any_": ["Cancelled"]}), 10),
        ("state name, none", _state(name={"any_": ["Nothing"]}), 200),
        ("flow id", {"flows": {"id": {"any_": [known.flow_id]}}}, 200),
        ("flow name", {"flows": {"name": {"any_": [known.flow_name]}}}, 200),
        ("flow, seldom used", {"flows": {"id": {"any_": [known.seldom_flow_id]}}}, 5),
        ("deployment", _runs(deployment_id={"any_": [known.deployment_id]}), 200),
        ("tag on half", _runs(tags={"all_": ["frequent"]}), 200),
        ("tag on ten", _runs(tags={"any_": ["rare"]}), 200),
        ("tag on none", _runs(tags={"all_": ["absent"]}), 200),
        ("start time, half", _between("start_time", month), 200),
        ("start time, early", _between("start_time", START, START + 10 * _DAY), 200),
        ("expected time, half", _between("expected_start_time", month), 200),
        (
            "expected time, early",
            _between("expected_start_time", START, START + 10 * _DAY),
            200,
        ),
    ]
    return [
        Question(
            f"list {limit} by {name}, {sort}", "/flow_runs/filter", {**body, **_page(sort, limit)}
        )
        for name, body, limit in filters
        for sort in SORTS
    ] + [
        Question(
            "list 200 after 700, ID_DESC",
            "/flow_runs/filter",
            {**_page("ID_DESC", 200), "offset": 700},
        ),
        Question(
            "list 200 after half of all, START_TIME_DESC",
            "/flow_runs/filter",
            {**_page("START_TIME_DESC", 200), "offset": known.runs // 2},
        ),
    ]


def _page(sort: str, limit: int) -> dict[str, Any]:
    return {"sort": sort, "limit": limit}


def _counts(known: Known) -> list[Question]:
    day = END - _DAY
    bodies: dict[str, dict[str, Any]] = {
        "all": {},
        "state type": _state(type={"any_": ["COMPLETED"]}),
        "state types": _state(type={"any_": ["FAILED", "CRASHED"]}),
        "state name": _state(name={"any_": ["Completed"]}),
        "flow id": {"flows": {"id": {"any_": [known.flow_id]}}},
        "flow name": {"flows": {"name": {"any_": [known.flow_name]}}},
        "flow and state": {
            "flows": {"id": {"any_": [known.flow_id]}},
            **_state(type={"any_": ["COMPLETED"]}),
        },
        "tag on half": _runs(tags={"all_": ["frequent"]}),
        "tag on ten": _runs(tags={"all_": ["rare"]}),
        "tag on none": _runs(tags={"any_": ["absent"]}),
        "expected time, last day": _between("expected_start_time", day),
        "start time, last day": _between("start_time", day),
        "expected time, half": _between("expected_start_time", START + 15 * _DAY),
        "deployment": _runs(deployment_id={"any_": [known.deployment_id]}),
    }
    return [Question(f"count by {name}", "/flow_runs/count", body) for name, body in bodies.items()]


def _histories(known: Known) -> list[Question]:
    hour = 3600
    bodies: dict[str, dict[str, Any]] = {
        "last day": _history(END - _DAY, hour),
        "all": _history(START, 30 * hour),
        "all, one state": {**_history(START, 30 * hour), **_state(type={"any_": ["FAILED"]})},
        "all, one flow": {
            **_history(START, 30 * hour),
            "flows": {"id": {"any_": [known.flow_id]}},
        },
    }
    return [
        Question(f"history of {name}", "/flow_runs/history", body) for name, body in bodies.items()
    ]


def _history(start: int, interval: int) -> dict[str, Any]:
    return {
        "history_start": isoformat(start),
        "history_end": isoformat(start + 24 * interval * SECOND),
        "history_interval_seconds": interval,
    }


def _logs(known: Known) -> list[Question]:
    of_run = {"flow_run_id": {"any_": [known.flow_run_id]}}
    late = {"timestamp": {"after_": isoformat(END - _DAY // 2)}}
    filters: list[tuple[str, dict[str, Any], int]] = [
        ("all", {}, 200),
        ("flow run", of_run, 200),
        ("flow run and level", {**of_run, "level": {"ge_": 40}}, 200),
        ("level", {"level": {"ge_": 40}}, 200),
        ("level and time", {"level": {"ge_": 40}, **late}, 10),
    ]
    return [
        Question(
            f"logs by {name}, {sort}",
            "/logs/filter",
            {"logs": criteria, "sort": sort, "limit": limit},
        )
        for name, criteria, limit in filters
        for sort in ("TIMESTAMP_ASC", "TIMESTAMP_DESC")
    ] + [
        Question(
            "logs after 5,000 others",
            "/logs/filter",
            {"sort": "TIMESTAMP_ASC", "limit": 200, "offset": 5000},
        )
    ]


def _pages(known: Known) -> list[Question]:
    return [
        Question("page 2 of all", "/flow_runs/paginate", {"page": 2, "limit": 100}),
        Question(
            "page 1 of a state",
            "/flow_runs/paginate",
            {"page": 1, "limit": 100, **_state(type={"any_": ["COMPLETED"]})},
        ),
        Question("dots of runs", "/ui/flow_runs/history", {"limit": 200}),
        Question("next runs of flows", "/ui/flows/next-runs", {"flow_ids": [known.flow_id]}),
        Question(
            "task runs of flow runs",
            "/ui/flow_runs/count-task-runs",
            {"flow_run_ids": [known.flow_run_id]},
        ),
    ]
