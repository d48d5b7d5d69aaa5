"""The artifacts of one key: which is the latest, and what is told of that."""

from __future__ import annotations

from uuid import uuid4

from ephemeral_server.artifacts.schemas import ArtifactCollection
from tests.api.artifacts.conftest import Artifacts, Json
from tests.api.shapes import assert_shape

ABOUT = ("key", "type", "description", "data", "metadata_", "flow_run_id", "task_run_id")


def about(object: Json | None) -> Json:
    assert object is not None
    return {name: object[name] for name in ABOUT}


def test_a_key_is_collected_with_its_first_artifact(artifacts: Artifacts) -> None:
    artifact = artifacts.new(key=artifacts.key, type="t", data={"a": 1}, metadata_={"a": "b"})
    collection = artifacts.collection()

    assert collection is not None
    assert_shape(ArtifactCollection, collection)
    assert about(collection) == about(artifact)
    assert collection["latest_id"] == artifact["id"]
    assert [collection[name] for name in ("created", "updated")] == [artifact["created"]] * 2


def test_the_next_artifact_replaces_all_but_id_and_making(artifacts: Artifacts) -> None:
    artifacts.new(key=artifacts.key, type="t", data=1, description="d", metadata_={"a": "b"})
    first = artifacts.collection()
    second = artifacts.new(key=artifacts.key, flow_run_id=str(uuid4()))
    collection = artifacts.collection()

    assert first is not None
    assert collection is not None
    assert about(collection) == about(second)
    assert collection["latest_id"] == second["id"]
    assert collection["updated"] == second["created"]
    assert [collection[name] for name in ("id", "created")] == [first["id"], first["created"]]


def test_of_two_of_the_same_instant_the_second_is_the_latest(artifacts: Artifacts) -> None:
    application = artifacts.application
    for number in range(8):
        made = application.post("/artifacts/", {"key": artifacts.key, "data": number}).json()

        collection = artifacts.collection()
        assert collection is not None
        assert collection["latest_id"] == made["id"]


def test_an_artifact_without_a_key_is_not_collected(artifacts: Artifacts) -> None:
    before = artifacts.application.post("/artifacts/latest/count").json()
    artifacts.new(data=1)

    assert artifacts.application.post("/artifacts/latest/count").json() == before
    assert artifacts.told() == []


def test_an_empty_key_is_a_key(artifacts: Artifacts) -> None:
    artifact = artifacts.new(key="", data=1)
    criteria = {"artifacts": {"key": {"any_": [""]}}}
    [collection] = artifacts.application.post("/artifacts/latest/filter", criteria).json()

    assert collection["latest_id"] == artifact["id"]


def test_the_latest_of_a_key_is_an_artifact(artifacts: Artifacts) -> None:
    artifacts.new(key=artifacts.key)
    second = artifacts.new(key=artifacts.key, data=2)

    assert artifacts.application.get(f"/artifacts/{artifacts.key}/latest").json() == second


def test_a_change_to_the_latest_changes_the_collection(artifacts: Artifacts) -> None:
    artifact = artifacts.new(key=artifacts.key, type="progress", data=1)
    artifacts.application.clock.advance(1)
    change = {"data": 2, "description": "d", "metadata_": {"a": "b"}}
    artifacts.application.patch(f"/artifacts/{artifact['id']}", change)
    collection, artifact = artifacts.collection(), artifacts.read(artifact["id"])

    assert collection is not None
    assert about(collection) == about(artifact)
    assert collection["updated"] == artifact["updated"]


def test_a_change_to_another_leaves_the_collection(artifacts: Artifacts) -> None:
    first = artifacts.new(key=artifacts.key, data=1)
    artifacts.new(key=artifacts.key, data=2)
    before = artifacts.collection()
    artifacts.application.clock.advance(1)
    artifacts.application.patch(f"/artifacts/{first['id']}", {"data": 3})

    assert artifacts.collection() == before


def test_without_the_latest_the_one_before_is_the_latest(artifacts: Artifacts) -> None:
    artifacts.new(key=artifacts.key)
    before = artifacts.new(key=artifacts.key, type="t", data=[1], metadata_={"a": "b"})
    latest = artifacts.new(key=artifacts.key)
    artifacts.new(key=f"{artifacts.key}-other")
    old = artifacts.collection()
    artifacts.application.delete(f"/artifacts/{latest['id']}")
    collection = artifacts.collection()

    assert old is not None
    assert collection is not None
    assert collection["id"] == old["id"]
    assert about(collection) == about(before)
    assert collection["latest_id"] == before["id"]
    assert [collection[name] for name in ("created", "updated")] == [before["created"]] * 2


def test_without_another_the_latest_stays(artifacts: Artifacts) -> None:
    first = artifacts.new(key=artifacts.key)
    artifacts.new(key=artifacts.key)
    before = artifacts.collection()
    artifacts.application.delete(f"/artifacts/{first['id']}")

    assert artifacts.collection() == before


def test_the_last_artifact_takes_the_collection_along(artifacts: Artifacts) -> None:
    artifact = artifacts.new(key=artifacts.key)
    artifacts.application.delete(f"/artifacts/{artifact['id']}")

    assert artifacts.collection() is None
    assert artifacts.application.get(f"/artifacts/{artifacts.key}/latest").status_code == 404


def test_the_id_of_a_collection_is_no_id_of_an_artifact(artifacts: Artifacts) -> None:
    artifacts.new(key=artifacts.key)
    collection = artifacts.collection()
    assert collection is not None

    for method in ("GET", "DELETE"):
        answer = artifacts.application.request(method, f"/artifacts/{collection['id']}")
        assert answer.status_code == 404
    assert artifacts.collection() == collection


def test_what_the_latest_is_is_told(artifacts: Artifacts) -> None:
    key, application = artifacts.key, artifacts.application
    first = artifacts.new(key=key, type="t", data={"a": 1}, description="d", metadata_={"a": "b"})
    second = artifacts.new(key=key, data="two")
    application.patch(f"/artifacts/{second['id']}", {"data": 3})
    application.delete(f"/artifacts/{second['id']}")
    application.delete(f"/artifacts/{first['id']}")

    one = {"key": key, "type": "t", "data": {"a": 1}, "description": "d"}
    two = {"key": key, "type": None, "data": "two", "description": None}
    assert artifacts.told() == [
        ("created", one),
        ("updated", two),
        ("updated", one),
        ("deleted", one),
    ]


def test_what_is_told_names_the_collection_its_latest_and_the_runs(artifacts: Artifacts) -> None:
    flow_run, task_run = str(uuid4()), str(uuid4())
    artifact = artifacts.new(key=artifacts.key, flow_run_id=flow_run, task_run_id=task_run)
    collection = artifacts.collection()
    [event] = artifacts.application.events

    assert collection is not None
    assert event.resource == {
        "prefect.resource.id": f"prefect.artifact-collection.{collection['id']}",
        "prefect.resource.name": artifacts.key,
    }
    assert [tuple(label.values()) for label in event.related] == [
        (f"prefect.artifact.{artifact['id']}", "latest"),
        (f"prefect.flow-run.{flow_run}", "flow-run"),
        (f"prefect.task-run.{task_run}", "task-run"),
    ]


def test_of_artifacts_that_are_not_the_latest_nothing_is_told(artifacts: Artifacts) -> None:
    first = artifacts.new(key=artifacts.key)
    artifacts.new(key=artifacts.key)
    artifacts.application.events.clear()
    artifacts.application.patch(f"/artifacts/{first['id']}", {"data": 1})
    artifacts.application.delete(f"/artifacts/{first['id']}")

    assert artifacts.application.events == []
