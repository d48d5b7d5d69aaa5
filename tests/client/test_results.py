"""Results that the real client keeps, caches and reads again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect import flow, task
from prefect.cache_policies import INPUTS
from prefect.client.schemas.objects import State, StateType

from tests.client.history import History
from tests.client.traffic import Traffic


def stored(state: Any) -> dict[str, Any]:
    """What a state tells of where its result is kept."""
    data = state.data
    return dict(data if isinstance(data, dict) else data.model_dump(mode="json"))


def test_a_persisted_result_is_described_by_the_last_states(
    history: History, traffic: Traffic
) -> None:
    @task(persist_result=True)
    def count() -> int:
        return 41

    @flow(persist_result=True)
    def keeps() -> int:
        return count() + 1

    assert keeps() == 42
    run = history.flow_run()
    task_run = history.task_run("count")
    for kept in (run, task_run):
        assert kept.state is not None
        assert kept.state.type is StateType.COMPLETED
        described = stored(kept.state)
        assert described["storage_key"]
        assert described["serializer"]["type"] == "pickle"
        assert described["storage_block_id"] is None
    assert stored(run.state) != stored(task_run.state)
    assert traffic.statuses("POST /flow_runs/{id}/set_state") == [201, 201]


def test_the_result_of_an_earlier_run_can_be_read_back(history: History) -> None:
    @flow(persist_result=True)
    def keeps(n: int) -> dict[str, int]:
        return {"n": n}

    for n in (1, 2):
        keeps(n)
    states = [run.state for run in history.flow_runs()]
    assert [state.result() for state in states if state is not None] == [{"n": 1}, {"n": 2}]


def test_a_cached_result_is_used_again_and_told_so(history: History) -> None:
    calls: list[int] = []

    @task(cache_policy=INPUTS, cache_expiration=timedelta(hours=1), persist_result=True)
    def square(n: int) -> int:
        calls.append(n)
        return n * n

    @flow
    def twice(n: int) -> int:
        return square(n) + square(n)

    assert twice(7) == 98
    assert calls == [7]
    first, second = history.task_runs()
    assert history.state_names(first) == ["Pending", "Running", "Completed"]
    assert history.state_names(second) == ["Pending", "Running", "Cached"]
    assert first.state is not None
    assert second.state is not None
    assert second.state.type is StateType.COMPLETED
    assert stored(second.state)["storage_key"] == stored(first.state)["storage_key"]


def test_a_cached_result_serves_later_flows_too(history: History) -> None:
    @task(cache_policy=INPUTS, cache_expiration=timedelta(hours=1), persist_result=True)
    def cube(n: int) -> int:
        return n**3

    @flow
    def once(n: int) -> int:
        return cube(n)

    assert once(5) == once(5) == 125
    first, second = history.flow_runs()
    assert [run.state_name for run in history.task_runs(first)] == ["Completed"]
    assert [run.state_name for run in history.task_runs(second)] == ["Cached"]


def test_a_result_that_has_expired_is_made_again(history: History) -> None:
    made: list[int] = []

    @task(cache_policy=INPUTS, cache_expiration=timedelta(0), persist_result=True)
    def half(n: int) -> float:
        made.append(n)
        return n / 2

    @flow
    def twice(n: int) -> float:
        return half(n) + half(n)

    assert twice(9) == 9
    assert made == [9, 9]
    assert [run.state_name for run in history.task_runs()] == ["Completed", "Completed"]


def test_a_task_may_refuse_what_is_cached(history: History) -> None:
    @task(cache_policy=INPUTS, persist_result=True, refresh_cache=True)
    def now(n: int) -> int:
        return n

    @flow
    def twice(n: int) -> int:
        return now(n) + now(n)

    assert twice(3) == 6
    assert [run.state_name for run in history.task_runs()] == ["Completed", "Completed"]


def test_a_state_given_back_is_the_state_of_the_run(history: History) -> None:
    @flow
    def inner() -> int:
        return 3

    state = inner(return_state=True)
    run = history.flow_run()
    assert state.result() == 3
    assert run.state is not None
    assert (run.state.id, run.state.name) == (state.id, "Completed")


def test_the_state_of_a_task_given_back_is_the_state_of_its_run(history: History) -> None:
    @task
    def picky(n: int) -> int:
        if n < 0:
            raise ValueError("negative")
        return n

    given: list[State[Any]] = []

    @flow
    def asks() -> None:
        given.append(picky(1, return_state=True))
        given.append(picky(-1, return_state=True))
        given.append(picky.submit(2, return_state=True))

    asks()
    kept = [run.state for run in history.task_runs()]
    assert [(state.id, state.name) for state in kept if state] == [
        (state.id, state.name) for state in given
    ]
    assert [state.name for state in given] == ["Completed", "Failed", "Completed"]
    assert history.flow_run().state_name == "Completed"
