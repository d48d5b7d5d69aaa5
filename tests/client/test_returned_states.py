"""States in place of results: what `return_state=True` gives is what the server has."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from prefect import flow, task
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import MissingResult

from ephemeral_server import EphemeralServer
from tests.client.history import History


@task
def picky(n: int) -> int:
    if n < 0:
        raise ValueError("negative")
    return n


def test_a_failing_flow_gives_its_state_instead_of_raising(history: History) -> None:
    @flow
    def fails() -> int:
        return picky(-1)

    state = fails(return_state=True)
    kept = history.flow_run().state
    assert kept is not None
    assert (kept.id, kept.type, kept.name) == (state.id, StateType.FAILED, "Failed")
    assert kept.message == state.message
    assert str(kept.message).endswith("ValueError: negative")
    assert kept.timestamp == state.timestamp
    with pytest.raises(ValueError, match="negative"):
        state.result()
    assert isinstance(state.result(raise_on_failure=False), ValueError)


def test_the_states_of_every_kind_of_call_are_those_of_the_runs(history: History) -> None:
    given: dict[str, State[Any]] = {}

    @flow(name="child")
    def child(n: int) -> int:
        return picky(n)

    @flow
    def asks() -> None:
        given["called"] = picky(1, return_state=True)
        given["refused"] = picky(-1, return_state=True)
        given["submitted"] = picky.submit(2, return_state=True)
        given["waited for"] = picky.submit(-2, return_state=True)
        given["subflow"] = child(3, return_state=True)
        given["failed subflow"] = child(-3, return_state=True)

    state = asks(return_state=True)
    assert state.type is StateType.COMPLETED
    types = {name: str(state.type.value) for name, state in given.items()}
    assert list(types.values()) == ["COMPLETED", "FAILED"] * 3
    states = [run.state for run in history.task_runs()]
    states += [run.state for run in history.flow_runs()]
    known = {state.id: state for state in states if state is not None}
    for name, state in given.items():
        kept = known[state.id]
        assert (kept.type, kept.message or None) == (state.type, state.message), name
        assert kept.state_details.flow_run_id == state.state_details.flow_run_id


def test_mapped_and_asynchronous_calls_give_states_too(history: History) -> None:
    @task
    async def double(n: int) -> int:
        return 2 * n

    @flow
    async def asks() -> list[State[Any]]:
        one: Any = double(1, return_state=True)
        mapped: Any = picky.map([1, -1, 2], return_state=True)
        return [await one, *mapped]

    running: Any = asks(return_state=True)
    given = asyncio.run(running)
    assert (given.type, given.message) == (StateType.FAILED, "1/4 states failed.")
    assert [run.state_name for run in history.task_runs()].count("Completed") == 3
    failed = [run for run in history.task_runs() if run.state_type is StateType.FAILED]
    assert [run.state.message for run in failed if run.state] == [
        "Task run encountered an exception ValueError: negative"
    ]


def test_a_state_without_a_kept_result_says_so_to_later_readers(
    history: History, server: EphemeralServer
) -> None:
    @flow
    def gives() -> int:
        return 3

    @flow(persist_result=True)
    def keeps() -> int:
        return 4

    assert gives(return_state=True).result() == 3
    keeps(return_state=True)
    given, kept = (run.state for run in history.flow_runs())
    assert given is not None
    assert kept is not None
    with pytest.raises(MissingResult):
        given.result()
    assert kept.result() == 4
    shown = {
        run["state"]["id"]: run["state"]
        for run in httpx.post(f"{server.api_url}/flow_runs/filter", json={}).json()
    }
    assert shown[str(given.id)]["data"] is None
    data = shown[str(kept.id)]["data"]
    assert set(data) >= {"storage_key", "serializer", "expiration", "prefect_version"}
