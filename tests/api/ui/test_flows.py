"""What pages ask about flows."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.application import Application
from tests.orchestration.runs import Runs


def _ask(application: Application, what: str, *flow_ids: str) -> Any:
    reply = application.post(f"/ui/flows/{what}", {"flow_ids": flow_ids})
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_deployments_are_counted_for_every_flow_asked_about(runs: Runs) -> None:
    other, nobody = Runs(runs.application), str(uuid4())
    runs.deployment()
    runs.deployment()

    counts = _ask(runs.application, "count-deployments", runs.flow_id, other.flow_id, nobody)

    assert counts == {runs.flow_id: 2, other.flow_id: 0, nobody: 0}


def test_the_next_run_is_the_scheduled_one_that_comes_first(runs: Runs) -> None:
    other, nobody = Runs(runs.application), str(uuid4())
    overdue = runs.flow_run("SCHEDULED", "Late", state_scheduled_time=runs.now(-60))
    runs.flow_run("SCHEDULED", state_scheduled_time=runs.now(60))
    runs.flow_run("SCHEDULED", state_scheduled_time=runs.now(-90)).propose("COMPLETED")
    other.flow_run("RUNNING")

    found = _ask(runs.application, "next-runs", runs.flow_id, other.flow_id, nobody)

    assert found == {
        runs.flow_id: {
            "id": overdue.id,
            "flow_id": runs.flow_id,
            "name": overdue.read()["name"],
            "state_name": "Late",
            "state_type": "SCHEDULED",
            "next_scheduled_start_time": runs.now(-60),
        },
        other.flow_id: None,
        nobody: None,
    }


@pytest.mark.parametrize("what", ["count-deployments", "next-runs"])
def test_there_is_no_bound_to_how_many_are_asked_about(runs: Runs, what: str) -> None:
    ids = [runs.flow_id, *(str(uuid4()) for _ in range(300))]

    assert len(_ask(runs.application, what, *ids)) == 301


@pytest.mark.parametrize("body", [{}, {"flow_ids": None}, {"flow_ids": ["a"]}])
def test_what_is_no_list_of_ids_is_refused(application: Application, body: Any) -> None:
    reply = application.post("/ui/flows/next-runs", body)

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"][:2] == ["body", "flow_ids"]
