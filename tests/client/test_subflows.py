"""Flows that run other flows."""

from __future__ import annotations

import time
from datetime import timedelta

from prefect import flow, task
from prefect.client.schemas.objects import StateType

from tests.client.flows import add
from tests.client.history import History
from tests.client.traffic import Traffic


def test_a_subflow_is_the_child_of_a_task_run_that_mirrors_its_state(
    history: History, traffic: Traffic
) -> None:
    @flow(name="child")
    def child(n: int) -> int:
        return add(n, 1)

    @flow(name="parent")
    def parent() -> int:
        return child(4)

    assert parent() == 5
    outer, inner = history.flow_runs()
    (wrapper,) = history.task_runs(outer)
    assert inner.parent_task_run_id == wrapper.id
    assert wrapper.name == "child-0"
    assert wrapper.flow_run_id == outer.id
    # It is made in one state before the subflow is, and mirrors all of the subflow's.
    assert history.state_names(wrapper) == ["Pending", *history.state_names(inner)]
    assert wrapper.state is not None
    assert wrapper.state.state_details.child_flow_run_id == inner.id
    assert inner.state is not None
    assert inner.state.state_details.task_run_id == wrapper.id
    # Its states are copies, made in the same transactions, with timestamps of their own.
    assert wrapper.start_time is not None
    assert wrapper.end_time is not None
    assert inner.start_time is not None
    assert inner.end_time is not None
    assert timedelta(0) <= wrapper.start_time - inner.start_time < timedelta(seconds=1)
    assert timedelta(0) <= wrapper.end_time - inner.end_time < timedelta(seconds=1)
    assert [run.flow_run_id for run in history.task_runs(inner)] == [inner.id]
    assert traffic.statuses("POST /task_runs/") == [201]


def test_a_failing_subflow_fails_its_wrapper_too(history: History) -> None:
    @flow
    def child() -> None:
        raise ValueError("no")

    @flow
    def parent() -> str:
        return str(child(return_state=True).type.value)

    assert parent() == "FAILED"
    outer, inner = history.flow_runs()
    (wrapper,) = history.task_runs(outer)
    assert (outer.state_name, inner.state_name, wrapper.state_name) == (
        "Completed",
        "Failed",
        "Failed",
    )


def test_a_subflow_that_takes_too_long_leaves_its_parent_running(history: History) -> None:
    @flow(timeout_seconds=0.2)
    def slow() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            time.sleep(0.01)

    @flow
    def parent() -> str:
        return str(slow(return_state=True).name)

    assert parent() == "TimedOut"
    outer, inner = history.flow_runs()
    (wrapper,) = history.task_runs(outer)
    assert (outer.state_name, inner.state_name) == ("Completed", "TimedOut")
    assert (wrapper.state_name, wrapper.state_type) == ("TimedOut", StateType.FAILED)


def test_a_subflow_of_a_task_has_both_as_parents(history: History) -> None:
    @flow
    def child() -> None:
        pass

    @task
    def calls() -> None:
        child()

    @flow
    def parent() -> None:
        calls()

    parent()
    outer, inner = history.flow_runs()
    calling = history.task_run("calls")
    wrapper = next(run for run in history.task_runs(outer) if run.id == inner.parent_task_run_id)
    assert wrapper.id != calling.id
    assert wrapper.flow_run_id == outer.id
    assert [given.model_dump()["id"] for given in wrapper.task_inputs["__parents__"]] == [
        calling.id
    ]


def test_flows_nest_as_deep_as_they_like(history: History) -> None:
    @flow(name="deep")
    def deep(n: int) -> int:
        return deep(n - 1) + 1 if n else 0

    assert deep(3) == 3
    runs = {run.parameters["n"]: run for run in history.flow_runs()}
    assert sorted(runs) == [0, 1, 2, 3]
    assert runs[3].parent_task_run_id is None
    for n in (1, 2, 3):
        (wrapper,) = history.task_runs(runs[n])
        assert runs[n - 1].parent_task_run_id == wrapper.id
        assert wrapper.state_name == "Completed"
