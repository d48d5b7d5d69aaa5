"""Tasks: what they wait for, and what they take from each other."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect import flow, task, unmapped
from prefect.client.schemas.objects import StateType, TaskRun
from prefect.settings import PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW, temporary_settings

from tests.client.flows import add, two_ways
from tests.client.history import History
from tests.client.traffic import Traffic


@task
def double(n: int) -> int:
    return 2 * n


def inputs(run: TaskRun, name: str) -> list[UUID]:
    """The ids of the task runs that one parameter of a task came from."""
    return [given.model_dump()["id"] for given in run.task_inputs[name]]


def test_task_runs_are_recorded_from_what_the_client_reports(
    history: History, traffic: Traffic
) -> None:
    two_ways(2)
    run = history.flow_run()
    submitted, called = history.task_runs()
    for task_run in (submitted, called):
        assert history.state_names(task_run) == ["Pending", "Running", "Completed"]
        assert task_run.flow_run_id == run.id
        assert task_run.name.startswith("add-")
        assert task_run.task_inputs == {"a": [], "b": []}
        assert (task_run.run_count, task_run.flow_run_run_count, task_run.tags) == (1, 1, [])
        assert task_run.state_type is StateType.COMPLETED
        assert task_run.start_time is not None
        assert task_run.end_time is not None
        assert task_run.total_run_time == task_run.end_time - task_run.start_time
    assert sorted(traffic.event_names()) == sorted(
        f"prefect.task-run.{state}" for state in ("Pending", "Running", "Completed") * 2
    )
    assert "POST /task_runs/" not in traffic.routes()


def test_the_result_of_a_task_is_the_input_of_the_next(history: History) -> None:
    @flow
    def chain() -> int:
        first: Any = add.submit(1, 2)
        return add.submit(first, 3).result()

    assert chain() == 6
    first, second = history.task_runs()
    assert (inputs(second, "a"), inputs(second, "b")) == ([first.id], [])


def test_what_a_task_waits_for_is_recorded(history: History) -> None:
    @flow
    def waits() -> int:
        first = double.submit(1)
        return add.submit(2, 3, return_state=False, wait_for=[first]).result()

    assert waits() == 5
    first, second = history.task_run("double"), history.task_run("add")
    assert inputs(second, "wait_for") == [first.id]
    assert first.end_time is not None
    assert second.start_time is not None
    assert first.end_time <= second.start_time


def test_mapped_tasks_take_one_item_each(history: History) -> None:
    @flow
    def maps() -> list[int]:
        doubled = double.map([1, 2])
        return add.map(doubled, unmapped(10)).result()

    assert maps() == [12, 14]
    runs = history.task_runs()
    doubled = [run for run in runs if run.task_key.startswith("double-")]
    added = [run for run in runs if run.task_key.startswith("add-")]
    assert sorted(inputs(run, "a") for run in added) == sorted([run.id] for run in doubled)
    assert [inputs(run, "b") for run in added] == [[], []]


def test_a_task_within_a_task_names_its_parent(history: History) -> None:
    @task
    def outer(n: int) -> int:
        return double(n)

    @flow
    def nests() -> int:
        return outer(3)

    assert nests() == 6
    parent, child = history.task_run("outer"), history.task_run("double")
    assert inputs(child, "__parents__") == [parent.id]
    assert "__parents__" not in parent.task_inputs
    assert child.flow_run_id == parent.flow_run_id == history.flow_run().id
    assert [history.state_names(run)[-1] for run in (parent, child)] == ["Completed"] * 2


def test_a_task_run_takes_its_name_from_its_template(history: History) -> None:
    @task(task_run_name="number-{n}")
    def named(n: int) -> None:
        pass

    @flow
    def names() -> None:
        named(4)

    names()
    assert history.task_run("named").name == "number-4"


def test_a_flow_with_a_failed_task_among_its_results_has_failed(history: History) -> None:
    @task
    def picky(n: int) -> int:
        if n == 1:
            raise ValueError("one")
        return n

    @flow
    def maps() -> object:
        return picky.map([0, 1, 2])

    maps(return_state=True)
    run = history.flow_run()
    assert run.state is not None
    assert (run.state_name, run.state.message) == ("Failed", "1/3 states failed.")
    states = sorted(str(task_run.state_name) for task_run in history.task_runs())
    assert states == ["Completed", "Completed", "Failed"]


def test_a_task_outside_of_any_flow_is_recorded(history: History, traffic: Traffic) -> None:
    with temporary_settings({PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore"}):
        assert add(1, 2) == 3
    run = history.task_run("add")
    assert run.flow_run_id is None
    assert history.state_names(run) == ["Pending", "Running", "Completed"]
    assert "POST /flow_runs/" not in traffic.routes()
