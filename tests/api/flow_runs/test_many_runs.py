"""Answers are the same whichever way is taken to them among few runs and among many."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ephemeral_server.clock import SECOND, isoformat
from ephemeral_server.database import pages
from ephemeral_server.database.tables import deployment, flow_run
from ephemeral_server.orchestration import history
from tests.application import Application
from tests.orchestration.runs import TYPES

HOUR = 3600 * SECOND
START = 1_767_268_800 * SECOND + 1  # 2026-01-01 12:00 UTC, and no whole second
SORTS = ("ID_DESC", "START_TIME_DESC", "EXPECTED_START_TIME_ASC", "NAME_ASC")


@pytest.fixture(scope="module")
def world(application: Application) -> dict[str, Any]:
    """Some runs of two flows, and filters of them."""
    draw = random.Random(5)
    flows = [application.post("/flows/", {"name": f"flow-{n}"}).json()["id"] for n in range(2)]
    deployed = application.insert(deployment, flow_id=flows[0])
    for number in range(60):
        kind = draw.choice(TYPES)
        expected = START + draw.randrange(-HOUR, 48 * HOUR)
        begun = kind not in ("SCHEDULED", "PENDING")
        application.insert(
            flow_run,
            name=f"run-{number}",
            flow_id=draw.choice(flows),
            deployment_id=draw.choice([None, deployed]),
            tags=draw.choice(["[]", '["a"]', '["a","b"]', '["b","c"]']),
            state_type=kind,
            state_name=draw.choice([kind.capitalize(), "Special"]),
            state_timestamp=expected + draw.randrange(HOUR),
            expected_start_time=expected,
            start_time=expected + draw.randrange(-SECOND, HOUR) if begun else None,
            total_run_time=draw.randrange(HOUR),
        )
    middle = isoformat(START + 20 * HOUR)
    return {
        "all": {},
        "flow": {"flows": {"name": {"any_": ["flow-1"]}}},
        "no flow": {"flows": {"name": {"any_": ["nobody"]}}},
        "deployment": {"flow_runs": {"deployment_id": {"any_": [deployed]}}},
        "type": {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}},
        "types": {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "RUNNING"]}}}},
        "not a type": {"flow_runs": {"state": {"type": {"not_any_": ["COMPLETED"]}}}},
        "name": {"flow_runs": {"state": {"name": {"any_": ["Special"]}}}},
        "a tag": {"flow_runs": {"tags": {"all_": ["a"]}}},
        "two tags": {"flow_runs": {"tags": {"all_": ["a", "b"]}}},
        "any tag": {"flow_runs": {"tags": {"any_": ["b", "c", "b"]}}},
        "tag or none": {
            "flow_runs": {"tags": {"operator": "or_", "all_": ["c"], "is_null_": True}}
        },
        "between": {"flow_runs": {"start_time": {"after_": isoformat(START), "before_": middle}}},
        "early": {"flow_runs": {"expected_start_time": {"before_": middle}}},
        "much": {
            "flows": {"name": {"any_": ["flow-0"]}},
            "flow_runs": {
                "state": {"type": {"any_": ["COMPLETED", "FAILED"]}, "name": {}},
                "tags": {"any_": ["a", "c"]},
                "expected_start_time": {"after_": isoformat(START)},
            },
        },
        "one or the other": {
            "flow_runs": {
                "operator": "or_",
                "state": {"type": {"any_": ["FAILED"]}},
                "tags": {"all_": ["c"]},
            }
        },
    }


FILTERS = (
    "all",
    "flow",
    "no flow",
    "deployment",
    "type",
    "types",
    "not a type",
    "name",
    "a tag",
    "two tags",
    "any tag",
    "tag or none",
    "between",
    "early",
    "much",
    "one or the other",
)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("sort", SORTS)
def test_lists(
    application: Application,
    world: dict[str, Any],
    name: str,
    sort: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {**world[name], "sort": sort, "limit": 7, "offset": 2}
    among_few = application.post("/flow_runs/filter", body).json()
    monkeypatch.setattr(pages, "FEW", -1)
    assert application.post("/flow_runs/filter", body).json() == among_few


@pytest.mark.parametrize("name", FILTERS)
def test_counts(application: Application, world: dict[str, Any], name: str) -> None:
    listed = application.post("/flow_runs/filter", {**world[name], "limit": 200}).json()
    assert application.post("/flow_runs/count", world[name]).json() == len(listed)
    assert len(listed) > 0 or name == "no flow"


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("hours", [0.1, 1, 7.3, 24, 100])
def test_histories(
    application: Application,
    world: dict[str, Any],
    name: str,
    hours: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {
        "history_start": isoformat(START),
        "history_end": isoformat(START + 40 * HOUR + 17),
        "history_interval_seconds": hours * 3600,
        **world[name],
    }
    among_few = application.post("/flow_runs/history", body).json()
    monkeypatch.setattr(history, "_FEW", -1)
    assert application.post("/flow_runs/history", body).json() == among_few
