"""How SQLite finds artifacts among very many results of runs, which have no key and no type."""

from __future__ import annotations

from typing import Any

import pytest

from tests.application import Application
from tests.plans import plans_of

ID = "11111111-1111-4111-8111-111111111111"
PRIMARY = "sqlite_autoindex_artifact_1"


def found_by(application: Application, body: dict[str, Any]) -> list[str]:
    """How the ids of the page are found."""
    lines = plans_of(application, "/artifacts/filter", body)[-1].plan
    start = next(place for place, line in enumerate(lines) if line.startswith("LIST SUBQUERY"))
    inner = lines[start + 1 :]
    return [line.strip() for line in inner if line.startswith("  ")]


def criteria(**given: Any) -> dict[str, Any]:
    return {"artifacts": given}


@pytest.mark.parametrize(
    ("body", "plan"),
    [
        ({}, f"SCAN artifact USING COVERING INDEX {PRIMARY}"),
        ({"sort": "CREATED_DESC"}, f"SCAN artifact USING COVERING INDEX {PRIMARY}"),
        (
            criteria(type={"not_any_": ["result"]}),
            "SCAN artifact USING COVERING INDEX ix_artifact_type",
        ),
        (
            criteria(type={"any_": ["table", "image"]}),
            "SCAN artifact USING COVERING INDEX ix_artifact_type",
        ),
        (
            criteria(key={"any_": ["report"]}),
            "SEARCH artifact USING COVERING INDEX ix_artifact_key (key=?)",
        ),
    ],
)
def test_listings_walk_an_index_and_sort_nothing(
    empty: Application, body: dict[str, Any], plan: str
) -> None:
    assert found_by(empty, body) == [plan]


def test_the_last_changed_come_from_an_index(empty: Application) -> None:
    plan = found_by(empty, {"sort": "UPDATED_DESC"})
    assert plan[0] == "SCAN artifact USING INDEX ix_artifact_updated"
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (criteria(flow_run_id={"any_": [ID]}), "ix_artifact_flow_run_id (flow_run_id=?)"),
        (criteria(task_run_id={"any_": [ID]}), "ix_artifact_task_run_id (task_run_id=?)"),
        ({"flow_runs": {"id": {"any_": [ID]}}}, "ix_artifact_flow_run_id (flow_run_id=?)"),
        ({"task_runs": {"id": {"any_": [ID]}}}, "ix_artifact_task_run_id (task_run_id=?)"),
        ({"flows": {"name": {"any_": ["etl"]}}}, "ix_artifact_flow_run_id (flow_run_id=?)"),
        (criteria(key={"any_": ["report"]}), "ix_artifact_key (key=?)"),
    ],
)
@pytest.mark.parametrize("sort", ["ID_DESC", "UPDATED_DESC", "KEY_ASC"])
def test_few_artifacts_are_found_by_what_they_are_filtered_by(
    empty: Application, body: dict[str, Any], place: str, sort: str
) -> None:
    assert found_by(empty, {**body, "sort": sort})[0].endswith(place)


@pytest.mark.parametrize(
    ("body", "index"),
    [
        ({}, "ix_artifact_"),
        (criteria(type={"not_any_": ["result"]}), "ix_artifact_type"),
        (criteria(key={"exists_": True}), "ix_artifact_key"),
        (criteria(flow_run_id={"any_": [ID]}), "ix_artifact_flow_run_id"),
    ],
)
def test_counts_look_at_an_index_alone(
    empty: Application, body: dict[str, Any], index: str
) -> None:
    [counted] = plans_of(empty, "/artifacts/count", body)
    assert f"USING COVERING INDEX {index}" in counted.plan[0]
