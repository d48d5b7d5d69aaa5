"""How SQLite finds the rows of listings, counts and histories: the same without statistics.

A plan is asked for on an empty database. There every part of a condition fits few runs; to see
what is done where many fit, so much is counted as many.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from ephemeral_server.database import pages
from ephemeral_server.orchestration import history
from tests.application import Application
from tests.plans import plans_of

ID = "11111111-1111-4111-8111-111111111111"
AT = "2026-01-01T12:00:00Z"
SORT = "USE TEMP B-TREE FOR ORDER BY"
WALKS = {
    "ID_DESC": "ix_flow_run_id",
    "START_TIME_ASC": "ix_flow_run_started",
    "START_TIME_DESC": "ix_flow_run_started",
    "EXPECTED_START_TIME_ASC": "ix_flow_run_expected_start_time",
    "EXPECTED_START_TIME_DESC": "ix_flow_run_expected_start_time",
}


def runs(**criteria: Any) -> dict[str, Any]:
    return {"flow_runs": criteria}


class Filter(NamedTuple):
    """A filter of flow runs, and how few runs are found by it."""

    body: dict[str, Any]
    found: str


FILTERS = {
    "state type": Filter(
        runs(state={"type": {"any_": ["FAILED"]}}), "ix_flow_run_state_type (state_type=?)"
    ),
    "state types": Filter(
        runs(state={"type": {"any_": ["FAILED", "CRASHED"]}}),
        "ix_flow_run_state_type (state_type=?)",
    ),
    "state name": Filter(
        runs(state={"name": {"any_": ["Late"]}}), "ix_flow_run_state_name (state_name=?)"
    ),
    "deployment": Filter(
        runs(deployment_id={"any_": [ID]}), "ix_flow_run_deployment_id (deployment_id=?)"
    ),
    "flow": Filter({"flows": {"id": {"any_": [ID]}}}, "(flow_id=?)"),
    "flow name": Filter({"flows": {"name": {"any_": ["etl"]}}}, "(flow_id=?)"),
    "tag": Filter(runs(tags={"all_": ["a"]}), "flow_run_tag USING PRIMARY KEY (tag=?)"),
    "tags": Filter(runs(tags={"any_": ["a", "b"]}), "flow_run_tag USING PRIMARY KEY (tag=?)"),
    "queue": Filter({"work_pool_queues": {"name": {"any_": ["q"]}}}, "ix_flow_run_work_queue_id"),
    "started": Filter(runs(start_time={"after_": AT}), "ix_flow_run_started (<expr>>?)"),
    "expected": Filter(
        runs(expected_start_time={"before_": AT}),
        "ix_flow_run_expected_start_time (expected_start_time<?)",
    ),
}


def page_plan(application: Application, path: str, body: dict[str, Any]) -> list[str]:
    """How the ids of the page are found: what the last statement's list of ids comes from."""
    lines = plans_of(application, path, {"limit": 200, **body})[-1].plan
    starts = [place for place, line in enumerate(lines) if line.startswith("LIST SUBQUERY")]
    inner = lines[starts[0] + 1 :]
    ends = [place for place, line in enumerate(inner) if not line.startswith("  ")]
    return [line.strip() for line in inner[: ends[0] if ends else None]]


@pytest.mark.parametrize("path", ["/flow_runs/filter", "/ui/flow_runs/history"])
@pytest.mark.parametrize("sort", WALKS)
def test_a_listing_of_all_walks_the_index_of_its_order(
    empty: Application, path: str, sort: str
) -> None:
    (line,) = page_plan(empty, path, {"sort": sort})
    # The index of the primary key serves as well.
    assert line.endswith((WALKS[sort], "sqlite_autoindex_flow_run_1"))


@pytest.mark.parametrize("sort", ["NAME_ASC", "END_TIME_DESC", "NEXT_SCHEDULED_START_TIME_ASC"])
def test_other_orders_have_an_index_as_well(empty: Application, sort: str) -> None:
    (line,) = page_plan(empty, "/flow_runs/filter", {"sort": sort})
    assert line.startswith("SCAN flow_run USING COVERING INDEX ix_flow_run_")


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("sort", WALKS)
def test_few_runs_are_found_by_what_they_are_filtered_by(
    empty: Application, name: str, sort: str
) -> None:
    plan = page_plan(empty, "/flow_runs/filter", {**FILTERS[name].body, "sort": sort})
    walked = f"SCAN flow_run USING COVERING INDEX {WALKS[sort]}"
    in_order = WALKS[sort] in FILTERS[name].found or name in ("started", "expected")
    assert any(FILTERS[name].found in line for line in plan) or (in_order and walked in plan)


@pytest.mark.parametrize("name", ["state type", "state name", "deployment"])
def test_the_newest_in_one_state_come_sorted(empty: Application, name: str) -> None:
    plan = page_plan(empty, "/flow_runs/filter", FILTERS[name].body)
    assert plan == [f"SEARCH flow_run USING COVERING INDEX {FILTERS[name].found}"]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("sort", WALKS)
def test_many_runs_are_walked_in_the_order_of_the_listing(
    empty: Application, name: str, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FEW", -1)
    plan = page_plan(empty, "/flow_runs/filter", {**FILTERS[name].body, "sort": sort})
    assert SORT not in plan
    assert plan[0].startswith(("SCAN flow_run USING", "SEARCH flow_run USING"))


COUNTS = [
    ({}, "flow_run_count"),
    (FILTERS["state type"].body, "flow_run_count"),
    (FILTERS["state name"].body, "flow_run_count"),
    (FILTERS["deployment"].body, "flow_run_count"),
    (FILTERS["flow name"].body, "flow_run_count"),
    (FILTERS["tag"].body, "flow_run_tag_count"),
    (FILTERS["started"].body, "COVERING INDEX ix_flow_run_started"),
    (FILTERS["expected"].body, "COVERING INDEX ix_flow_run_expected_start_time"),
]


@pytest.mark.parametrize(("body", "place"), COUNTS)
def test_counts_are_kept_or_taken_from_an_index(
    empty: Application, body: dict[str, Any], place: str
) -> None:
    (counted,) = plans_of(empty, "/flow_runs/count", body)
    assert any(place in line for line in counted.plan)


HISTORY = {
    "history_start": AT,
    "history_end": "2026-01-03T12:00:00Z",
    "history_interval_seconds": 8 * 3600,
}


def test_a_history_reads_no_more_than_its_time(empty: Application) -> None:
    for statement in plans_of(empty, "/flow_runs/history", HISTORY):
        places = " ".join(statement.plan)
        assert "SCAN flow_run" not in places
        assert "INDEX ix_flow_run_expected_start_time (expected_start_time>?" in places


@pytest.mark.parametrize("body", [{}, FILTERS["flow name"].body, FILTERS["state type"].body])
def test_a_history_of_many_runs_reads_what_is_summed_up(
    empty: Application, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_FEW", -1)
    _, summed, not_ended, cut = plans_of(empty, "/flow_runs/history", {**HISTORY, **body})
    assert "flow_run_ended USING PRIMARY KEY (" in " ".join(summed.plan)
    assert "COVERING INDEX ix_flow_run_not_ended" in " ".join(not_ended.plan)
    assert "INDEX ix_flow_run_expected_start_time" in " ".join(cut.plan)


LOGS = [
    ({}, "SCAN log USING INDEX ix_log_timestamp"),
    ({"flow_run_id": {"any_": [ID]}}, "SEARCH log USING INDEX ix_log_flow_run_id_timestamp"),
    ({"task_run_id": {"any_": [ID]}}, "SEARCH log USING INDEX ix_log_task_run_id_timestamp"),
    ({"timestamp": {"after_": AT}}, "SEARCH log USING INDEX ix_log_timestamp (timestamp>?)"),
]


@pytest.mark.parametrize("sort", ["TIMESTAMP_ASC", "TIMESTAMP_DESC"])
@pytest.mark.parametrize(("criteria", "place"), LOGS)
def test_logs_come_in_the_order_of_an_index(
    empty: Application, criteria: dict[str, Any], place: str, sort: str
) -> None:
    (listed,) = plans_of(empty, "/logs/filter", {"logs": criteria, "sort": sort})
    assert listed.plan[0].startswith(place)
    assert SORT not in listed.plan
