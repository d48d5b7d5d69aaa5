"""The task run that stands for a subflow in its parent flow run shows the subflow's states."""

from __future__ import annotations

from typing import Any

from tests.orchestration.runs import PERSISTED, Run, Runs


def subflow(runs: Runs, type: str = "PENDING", **given: Any) -> tuple[Run, Run]:
    """A task run of a running flow, and the flow run that it stands for."""
    parent = runs.flow_run("RUNNING")
    placeholder = runs.task_run("PENDING", flow_run_id=parent.id)
    return placeholder, runs.flow_run(type, parent_task_run_id=placeholder.id, **given)


def test_the_placeholder_enters_every_state_of_the_subflow(runs: Runs) -> None:
    placeholder, child = subflow(runs)
    for type in ("RUNNING", "FAILED"):
        runs.clock.advance(1)
        child.propose(type, f"{type.title()}-x", "why")
        mirrored, own = placeholder.state, child.state
        for member in ("type", "name", "message"):
            assert mirrored[member] == own[member]
        assert mirrored["id"] != own["id"]
    assert [s["type"] for s in placeholder.states()] == ["PENDING", "PENDING", "RUNNING", "FAILED"]


def test_the_details_name_both_sides(runs: Runs) -> None:
    placeholder, child = subflow(runs, "RUNNING")
    own, mirrored = child.state["state_details"], placeholder.state["state_details"]
    assert (own["flow_run_id"], own["task_run_id"]) == (child.id, placeholder.id)
    assert own["child_flow_run_id"] is None
    assert mirrored["child_flow_run_id"] == child.id
    assert mirrored["task_run_id"] == placeholder.id
    assert mirrored["flow_run_id"] == placeholder.read()["flow_run_id"]


def test_the_placeholder_has_times_and_counts_like_any_task_run(runs: Runs) -> None:
    placeholder, child = subflow(runs)
    runs.clock.advance(1)
    child.propose("RUNNING")
    runs.clock.advance(3)
    child.propose("COMPLETED")
    shown = placeholder.read()
    assert (shown["run_count"], shown["total_run_time"]) == (1, 3)
    assert shown["start_time"] is not None
    assert shown["end_time"] == placeholder.state["timestamp"]


def test_a_placeholder_made_running_counts_the_subflows_start_too(runs: Runs) -> None:
    parent = runs.flow_run("RUNNING")
    placeholder = runs.task_run("RUNNING", flow_run_id=parent.id)
    runs.flow_run("RUNNING", parent_task_run_id=placeholder.id)
    assert placeholder.read()["run_count"] == 2


def test_the_result_is_mirrored(runs: Runs) -> None:
    placeholder, child = subflow(runs, "RUNNING")
    child.propose("COMPLETED", data=PERSISTED)
    assert placeholder.state["data"] == child.state["data"] == PERSISTED


def test_what_a_rule_enters_instead_is_mirrored(runs: Runs) -> None:
    placeholder, child = subflow(runs, "RUNNING", empirical_policy={"retries": 1})
    child.propose("FAILED")
    assert placeholder.state["name"] == "AwaitingRetry"


def test_a_state_that_is_refused_is_not_mirrored(runs: Runs) -> None:
    placeholder, child = subflow(runs, "COMPLETED")
    assert child.propose("CANCELLING").status == "ABORT"
    assert placeholder.state["type"] == "COMPLETED"


def test_the_placeholder_follows_even_where_rules_of_task_runs_would_refuse(runs: Runs) -> None:
    placeholder, child = subflow(runs)
    placeholder.propose("COMPLETED", data=PERSISTED)
    child.propose("RUNNING")
    assert placeholder.state["type"] == "RUNNING"


def test_a_subflow_whose_placeholder_is_gone_lives_on(runs: Runs) -> None:
    placeholder, child = subflow(runs)
    assert runs.application.delete(f"/task_runs/{placeholder.id}").status_code == 204
    assert child.propose("RUNNING").status == "ACCEPT"
    assert child.read()["parent_task_run_id"] is None
