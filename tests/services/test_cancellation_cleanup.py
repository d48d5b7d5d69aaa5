"""What a cancelled flow run leaves running is cancelled too."""

from __future__ import annotations

import pytest

from ephemeral_server.services.cancellation_cleanup import CancellationCleanup
from tests.orchestration.runs import TYPES, Run, Runs
from tests.services.passes import Passes

TERMINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
MESSAGE = "The parent flow run was cancelled."
NOTHING = CancellationCleanup()


def cancelled(runs: Runs) -> Run:
    """A flow run that was cancelled while it ran."""
    run = runs.flow_run("RUNNING")
    runs.clock.advance(1)
    run.propose("CANCELLED", force=True)
    return run


def subflow_of(
    runs: Runs, parent: Run, type: str = "RUNNING", deployment_id: str | None = None
) -> tuple[Run, Run]:
    """A subflow, and the task run that stands for it in its parent."""
    placeholder = runs.task_run("PENDING", flow_run_id=parent.id)
    given = {"parent_task_run_id": placeholder.id, "deployment_id": deployment_id}
    return runs.flow_run(type, **given), placeholder


@pytest.mark.parametrize("type", TYPES)
def test_task_runs_that_are_not_over_are_cancelled(runs: Runs, passes: Passes, type: str) -> None:
    task = runs.task_run(type, flow_run_id=cancelled(runs).id)
    done = passes.cancellation_cleanup()
    if type in TERMINAL:
        assert done == NOTHING
        assert (task.state["type"], len(task.states())) == (type, 1)
    else:
        assert done == CancellationCleanup(task_runs=1)
        assert (task.state["type"], task.state["name"]) == ("CANCELLED", "Cancelled")
        assert task.state["message"] == MESSAGE


@pytest.mark.parametrize("type", [type for type in TYPES if type != "CANCELLED"])
def test_what_belongs_to_other_flow_runs_goes_on(runs: Runs, passes: Passes, type: str) -> None:
    parent = runs.flow_run(type)
    task = runs.task_run("RUNNING", flow_run_id=parent.id)
    child, placeholder = subflow_of(runs, parent)
    free = runs.task_run("RUNNING")
    assert passes.cancellation_cleanup() == NOTHING
    assert {run.state["type"] for run in (task, child, placeholder, free)} == {"RUNNING"}


def test_task_runs_are_looked_after_for_a_day(runs: Runs, passes: Passes) -> None:
    parent = cancelled(runs)
    runs.clock.advance(24 * 3600)
    task = runs.task_run("RUNNING", flow_run_id=parent.id)
    assert passes.cancellation_cleanup() == CancellationCleanup(task_runs=1)
    task.propose("RUNNING", force=True)
    runs.clock.advance(0.000001)
    assert passes.cancellation_cleanup() == NOTHING


def test_a_second_pass_finds_nothing(runs: Runs, passes: Passes) -> None:
    parent = cancelled(runs)
    task = runs.task_run("RUNNING", flow_run_id=parent.id)
    child, placeholder = subflow_of(runs, parent)
    deployed, _ = subflow_of(runs, parent, deployment_id=runs.deployment())
    assert passes.cancellation_cleanup() == CancellationCleanup(
        task_runs=1, subflows=1, cancelling=1
    )
    counts = [len(run.states()) for run in (task, child, placeholder, deployed)]
    assert passes.cancellation_cleanup() == NOTHING
    assert [len(run.states()) for run in (task, child, placeholder, deployed)] == counts


def test_more_task_runs_than_fit_in_a_transaction_are_cancelled(runs: Runs, passes: Passes) -> None:
    parent = cancelled(runs)
    tasks = [runs.task_run("RUNNING", flow_run_id=parent.id) for _ in range(45)]
    assert passes.cancellation_cleanup() == CancellationCleanup(task_runs=45)
    assert {task.state["type"] for task in tasks} == {"CANCELLED"}


def test_a_subflow_is_cancelled_with_the_task_run_that_stands_for_it(
    runs: Runs, passes: Passes
) -> None:
    child, placeholder = subflow_of(runs, cancelled(runs))

    assert passes.cancellation_cleanup() == CancellationCleanup(subflows=1)

    for run in (child, placeholder):
        assert (run.state["type"], run.state["message"]) == ("CANCELLED", MESSAGE)
    assert [state["type"] for state in placeholder.states()] == ["PENDING", "RUNNING", "CANCELLED"]
    assert child.events()[-1].event == "prefect.flow-run.Cancelled"


def test_the_whole_tree_below_is_cancelled_in_one_pass(runs: Runs, passes: Passes) -> None:
    child, _ = subflow_of(runs, cancelled(runs))
    grandchild, _ = subflow_of(runs, child)
    task = runs.task_run("RUNNING", flow_run_id=grandchild.id)

    done = passes.cancellation_cleanup()

    assert done == CancellationCleanup(task_runs=1, subflows=2)
    assert {run.state["type"] for run in (child, grandchild, task)} == {"CANCELLED"}


def test_a_subflow_with_a_deployment_is_asked_to_end(runs: Runs, passes: Passes) -> None:
    child, placeholder = subflow_of(runs, cancelled(runs), deployment_id=runs.deployment())
    task = runs.task_run("RUNNING", flow_run_id=child.id)

    assert passes.cancellation_cleanup() == CancellationCleanup(cancelling=1)

    for run in (child, placeholder):
        assert (run.state["type"], run.state["name"]) == ("CANCELLING", "Cancelling")
        assert run.state["message"] == MESSAGE
    assert task.state["type"] == "RUNNING"
    assert child.events()[-1].event == "prefect.flow-run.Cancelling"

    child.propose("CANCELLED")
    assert passes.cancellation_cleanup() == CancellationCleanup(task_runs=1)
    assert placeholder.state["type"] == task.state["type"] == "CANCELLED"


def test_a_subflow_that_waits_for_a_worker_is_cancelled_at_once(runs: Runs, passes: Passes) -> None:
    child, placeholder = subflow_of(
        runs, cancelled(runs), "SCHEDULED", deployment_id=runs.deployment()
    )
    assert passes.cancellation_cleanup() == CancellationCleanup(subflows=1)
    for run in (child, placeholder):
        assert (run.state["type"], run.state["message"]) == ("CANCELLED", None)


@pytest.mark.parametrize("type", sorted(TERMINAL))
def test_a_subflow_that_is_over_stays_as_it_is(runs: Runs, passes: Passes, type: str) -> None:
    child, _ = subflow_of(runs, cancelled(runs), type)
    assert passes.cancellation_cleanup() == NOTHING
    assert child.state["type"] == type


def test_a_subflow_of_a_run_that_was_cancelled_long_ago_is_cancelled(
    runs: Runs, passes: Passes
) -> None:
    parent = cancelled(runs)
    runs.clock.advance(48 * 3600)
    subflow_of(runs, parent)
    assert passes.cancellation_cleanup() == CancellationCleanup(subflows=1)


def test_a_subflow_that_ends_meanwhile_keeps_its_state(runs: Runs, passes: Passes) -> None:
    child, _ = subflow_of(runs, cancelled(runs))
    passes.enter_meanwhile(child, "COMPLETED")
    assert passes.cancellation_cleanup() == NOTHING
    assert child.state["type"] == "COMPLETED"
