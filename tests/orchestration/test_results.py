"""The data of states: where it is kept, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Connection, delete, select

from ephemeral_server.database.tables import artifact, artifact_collection
from ephemeral_server.database.transaction import Transaction
from tests.orchestration.runs import PERSISTED, UNPERSISTED, Run, Runs

Make: TypeAlias = Callable[..., Run]


@pytest.fixture(params=["flow_run", "task_run"])
def make(request: pytest.FixtureRequest, runs: Runs) -> Make:
    """Makes flow runs, or task runs."""
    method: Make = getattr(runs, request.param)
    return method


def artifacts_of(run: Run) -> list[dict[str, Any]]:
    def work(connection: Connection) -> list[dict[str, Any]]:
        query = select(artifact).where(artifact.c[f"{run.kind}_id"] == run.id)
        return [dict(row) for row in connection.execute(query).mappings()]

    return run.application.read(work)


@pytest.mark.parametrize(
    "data", [PERSISTED, {}, [1, {"a": None}], "text", "", 0, 1.5, False, {"type": None}]
)
def test_any_json_value_comes_back(make: Make, data: Any) -> None:
    run = make("RUNNING")
    answer = run.propose("COMPLETED", data=data)
    assert answer.state is not None
    assert answer.state["data"] == data
    assert run.state["data"] == data
    assert run.states()[-1]["data"] == data


@pytest.mark.parametrize("data", [None, UNPERSISTED, {"type": "unpersisted", "more": 1}])
def test_a_result_that_is_not_persisted_is_not_stored(make: Make, data: Any) -> None:
    run = make("RUNNING")
    answer = run.propose("COMPLETED", data=data)
    assert answer.state is not None
    assert answer.state["data"] == data
    assert run.state["data"] is None
    assert artifacts_of(run) == []


def test_a_result_is_an_artifact_of_its_flow_run(runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    run.propose("COMPLETED", data=PERSISTED)
    [row] = artifacts_of(run)
    assert (row["flow_run_id"], row["task_run_id"]) == (run.id, None)
    assert (row["key"], row["type"], row["description"]) == (None, None, None)


def test_a_result_of_a_task_is_an_artifact_of_its_flow_run_too(runs: Runs) -> None:
    flow_run = runs.flow_run("RUNNING")
    run = runs.task_run("RUNNING", flow_run_id=flow_run.id)
    run.propose("COMPLETED", data=PERSISTED)
    [row] = artifacts_of(run)
    assert (row["flow_run_id"], row["task_run_id"]) == (flow_run.id, run.id)


def test_members_of_a_result_describe_its_artifact(make: Make) -> None:
    run = make("RUNNING")
    key = f"key-{run.id}"
    about = {"artifact_key": key, "artifact_type": "result", "artifact_description": "what it is"}

    run.propose("COMPLETED", data={**PERSISTED, **about})

    assert run.state["data"] == PERSISTED
    [row] = artifacts_of(run)
    assert (row["key"], row["type"], row["description"]) == (key, "result", "what it is")


def test_members_that_are_no_texts_describe_an_artifact_as_json(make: Make) -> None:
    run = make("RUNNING")
    about = {"artifact_type": 5, "artifact_description": ["what", None]}

    assert run.propose("COMPLETED", data={**PERSISTED, **about}).status == "ACCEPT"

    [row] = artifacts_of(run)
    assert (row["key"], row["type"], row["description"]) == (None, "5", '["what",null]')


def test_the_collection_names_the_latest_artifact_of_a_key(make: Make) -> None:
    run = make("RUNNING")
    key = f"key-{run.id}"
    for number in (1, 2):
        run.propose("COMPLETED", data={"n": number, "artifact_key": key}, force=True)

    def work(connection: Connection) -> list[Any]:
        query = select(artifact_collection).where(artifact_collection.c.key == key)
        return list(connection.execute(query))

    [latest] = run.application.read(work)
    [row] = [row for row in artifacts_of(run) if '"n":2' in row["data"].replace(" ", "")]
    assert latest.latest_id == row["id"]
    assert latest.data == row["data"]


def test_an_artifact_that_is_gone_leaves_no_data(make: Make) -> None:
    run = make("RUNNING")
    run.propose("COMPLETED", data=PERSISTED)
    [row] = artifacts_of(run)

    def work(tx: Transaction) -> None:
        tx.connection.execute(delete(artifact).where(artifact.c.id == row["id"]))

    run.application.write(work)
    assert run.state["data"] is None


def test_a_run_made_with_a_result_has_it(make: Make) -> None:
    run = make("COMPLETED", state_data=PERSISTED)
    assert run.state["data"] == PERSISTED


def test_a_refused_state_answers_with_the_result_of_the_present_one(runs: Runs) -> None:
    run = runs.flow_run("COMPLETED", state_data=PERSISTED)
    answer = run.propose("RUNNING")
    assert answer.state is not None
    assert answer.state["data"] == PERSISTED


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_lacks_become_null(make: Make, number: str) -> None:
    run = make("RUNNING")
    body = f'{{"state":{{"type":"COMPLETED","data":{{"a":[{number}]}}}}}}'
    reply = run.application.post(
        f"/{run.kind}s/{run.id}/set_state",
        content=body,
        headers={"content-type": "application/json"},
    )
    assert reply.status_code == 201
    assert reply.json()["state"]["data"] == {"a": [None]}
    assert run.state["data"] == {"a": [None]}
