"""One artifact: making, reading, changing and deleting it."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.artifacts.schemas import Artifact
from tests.api.artifacts.conftest import Artifacts, Json
from tests.api.shapes import assert_shape
from tests.application import Application
from tests.orchestration.runs import PERSISTED, Runs

NOBODY = "00000000-0000-0000-0000-000000000000"
NOT_FOUND = {"detail": "Artifact not found."}


def refusal(application: Application, content: str) -> Json:
    """What is wrong with an artifact to make, sent as it is."""
    headers = {"content-type": "application/json"}
    answer = application.post("/artifacts/", content=content, headers=headers)
    assert answer.status_code == 422, answer.text
    found: Json = answer.json()["exception_detail"][0]
    return found


def test_a_new_artifact_is_answered_as_it_was_given(artifacts: Artifacts) -> None:
    given = {
        "key": artifacts.key,
        "type": "table",
        "description": "é <b>",
        "data": '[{"a": 1}]',
        "metadata_": {"é": ""},
        "flow_run_id": str(uuid4()),  # of runs that nobody has heard of
        "task_run_id": str(uuid4()),
    }
    artifact = artifacts.new(**given)

    assert artifact.items() >= given.items()
    assert artifact["created"] == artifact["updated"]
    assert_shape(Artifact, artifact)
    assert artifacts.read(artifact["id"]) == artifact


def test_nothing_of_an_artifact_has_to_be_given(artifacts: Artifacts) -> None:
    artifact = artifacts.new()

    about = ("key", "type", "description", "data", "metadata_", "flow_run_id", "task_run_id")
    assert [artifact[name] for name in about] == [None] * len(about)
    assert artifacts.read(artifact["id"]) == artifact


@pytest.mark.parametrize(
    "data", [None, False, 0, 5.0, 2**70, "", "nul\x00", [], {}, [1, {"a": None}], {"a": [1.0]}]
)
def test_data_may_be_any_json_value(artifacts: Artifacts, data: Any) -> None:
    artifact = artifacts.new(key=artifacts.key, data=data)
    collection = artifacts.collection()

    assert collection is not None
    for found in (artifact, artifacts.read(artifact["id"]), collection):
        assert (found["data"], type(found["data"])) == (data, type(data))


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400"])
def test_numbers_that_json_lacks_become_null(application: Application, number: str) -> None:
    headers = {"content-type": "application/json"}
    content = f'{{"data": {{"a": [{number}]}}}}'
    artifact = application.post("/artifacts/", content=content, headers=headers).json()

    assert artifact["data"] == {"a": [None]}
    assert application.get(f"/artifacts/{artifact['id']}").json() == artifact


def test_long_values_of_metadata_are_cut(artifacts: Artifacts) -> None:
    artifact = artifacts.new(metadata_={"fits": "é" * 500, "long": "é" * 501})

    assert artifact["metadata_"] == {"fits": "é" * 500, "long": "é" * 500 + "..."}
    assert artifacts.read(artifact["id"]) == artifact


@pytest.mark.parametrize("key", ["A", "a b", "a_b", "a/b", "é", "a\n"])
def test_a_key_is_of_lower_case_letters_digits_and_dashes(
    application: Application, key: str
) -> None:
    wrong = refusal(application, json.dumps({"key": key}))

    assert wrong["loc"] == ["body", "key"]
    assert wrong["msg"] == (
        "Value error, Artifact key must only contain lowercase letters, numbers, and dashes."
    )


@pytest.mark.parametrize(
    ("content", "at"),
    [
        ('{"key": 5}', ["key"]),
        ('{"type": 5}', ["type"]),
        ('{"type": "nul\\u0000"}', ["type"]),
        ('{"description": "nul\\u0000"}', ["description"]),
        ('{"metadata_": "a"}', ["metadata_"]),
        ('{"metadata_": {"a": 1}}', ["metadata_", "a"]),
        ('{"metadata_": {"a": null}}', ["metadata_", "a"]),
        ('{"flow_run_id": "run"}', ["flow_run_id"]),
        ('{"id": "a"}', ["id"]),
    ],
)
def test_a_body_of_another_shape_is_refused(
    application: Application, content: str, at: list[str]
) -> None:
    assert refusal(application, content)["loc"] == ["body", *at]


def test_a_body_is_needed(application: Application) -> None:
    assert application.post("/artifacts/").status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"data": None},
        {"data": 50.0},
        {"description": "new"},
        {"metadata_": {"b": "c"}},
        {"data": {"a": 1}, "description": None, "metadata_": None},
    ],
)
def test_a_change_replaces_what_it_names(artifacts: Artifacts, change: Json) -> None:
    artifact = artifacts.new(type="progress", data=0, description="old", metadata_={"a": "b"})
    artifacts.application.clock.advance(1)
    answer = artifacts.application.patch(f"/artifacts/{artifact['id']}", change)
    found = artifacts.read(artifact["id"])

    assert answer.status_code == 204
    assert found.pop("updated") > artifact.pop("updated")
    assert found == {**artifact, **change}


@pytest.mark.parametrize(
    "change", [{"key": "a"}, {"type": "a"}, {"flow_run_id": NOBODY}, {"metadata_": {"a": 1}}]
)
def test_a_change_to_what_stays_is_refused(artifacts: Artifacts, change: Json) -> None:
    artifact = artifacts.new(data=1)
    answer = artifacts.application.patch(f"/artifacts/{artifact['id']}", change)

    assert answer.status_code == 422
    assert artifacts.read(artifact["id"]) == artifact


def test_an_artifact_that_is_not_there_is_not_found(application: Application) -> None:
    path = f"/artifacts/{NOBODY}"
    for method, given in (("GET", None), ("PATCH", {"data": 1}), ("DELETE", None)):
        answer = application.request(method, path, given)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    answer = application.get(f"/artifacts/{uuid4()}/latest")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_a_deleted_artifact_is_gone(artifacts: Artifacts) -> None:
    path = f"/artifacts/{artifacts.new(data=1)['id']}"

    assert artifacts.application.delete(path).status_code == 204
    assert artifacts.application.get(path).status_code == 404
    assert artifacts.application.delete(path).status_code == 404


def test_an_artifact_outlives_its_run(artifacts: Artifacts, runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    artifact = artifacts.new(key=artifacts.key, flow_run_id=run.id)
    assert artifacts.application.delete(f"/flow_runs/{run.id}").status_code == 204

    assert artifacts.read(artifact["id"]) == artifact
    assert artifacts.collection() is not None


def test_the_result_of_a_run_is_an_artifact(artifacts: Artifacts, runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    about = {"artifact_key": artifacts.key, "artifact_type": "result", "artifact_description": "d"}
    run.propose("COMPLETED", data={**PERSISTED, **about})
    latest = artifacts.application.get(f"/artifacts/{artifacts.key}/latest").json()

    assert (latest["data"], latest["description"]) == (PERSISTED, "d")
    assert latest["flow_run_id"] == run.id
    assert [what for what, _ in artifacts.told()] == ["created"]


def test_a_result_with_an_empty_key_has_none(artifacts: Artifacts, runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    run.propose("COMPLETED", data={**PERSISTED, "artifact_key": ""})
    criteria = {"artifacts": {"flow_run_id": {"any_": [run.id]}}}
    [artifact] = artifacts.application.post("/artifacts/filter", criteria).json()

    assert artifact["key"] is None
    assert artifacts.told() == []


def test_a_run_whose_result_is_deleted_has_no_data(artifacts: Artifacts, runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    run.propose("COMPLETED", data=PERSISTED)
    criteria = {"artifacts": {"flow_run_id": {"any_": [run.id]}}}
    [artifact] = artifacts.application.post("/artifacts/filter", criteria).json()

    assert artifacts.application.delete(f"/artifacts/{artifact['id']}").status_code == 204
    assert run.state["data"] is None


def test_the_graph_of_a_run_shows_its_artifacts(artifacts: Artifacts, runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    of_run = {"flow_run_id": run.id, "key": artifacts.key}
    old, new = (artifacts.new(type="progress", data=data, **of_run) for data in (1.0, 2.0))
    artifacts.application.patch(f"/artifacts/{new['id']}", {"data": 3.0})
    shown = artifacts.application.get(f"/flow_runs/{run.id}/graph-v2").json()["artifacts"]

    assert [(one["id"], one["is_latest"], one["data"]) for one in shown] == [
        (old["id"], False, 1.0),
        (new["id"], True, 3.0),
    ]
    artifacts.application.delete(f"/artifacts/{new['id']}")
    [left] = artifacts.application.get(f"/flow_runs/{run.id}/graph-v2").json()["artifacts"]
    assert (left["id"], left["is_latest"]) == (old["id"], True)
