"""Artifacts that flows of the real client make."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import (
    Artifact,
    acreate_markdown_artifact,
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.schemas.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionFilterKey,
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    ArtifactFilterType,
    FlowRunFilter,
    FlowRunFilterName,
)
from prefect.client.schemas.sorting import ArtifactSort

from tests.client.history import History

IMAGE = "https://example.com/a.png"


def test_artifacts_of_every_kind_are_kept_with_the_runs_that_made_them(history: History) -> None:
    made: dict[str, Any] = {}

    @task
    def tabulates() -> None:
        rows = [{"n": 1, "x": float("nan")}, {"n": 2, "x": 0.5}]
        made["table"] = create_table_artifact(rows, key="table", description="Some *rows*.")

    @flow
    def reports() -> None:
        made["markdown"] = create_markdown_artifact("# ☃", key="markdown")
        made["link"] = create_link_artifact("https://example.com", "Example", key="link")
        made["image"] = create_image_artifact(IMAGE, key="image")
        made["progress"] = create_progress_artifact(12.5, key="progress")
        made["keyless"] = create_markdown_artifact("no key")
        tabulates()
        update_progress_artifact(made["progress"], 75.0, description="Soon there.")

    reports()
    run, task_run = history.flow_run(), history.task_run("tabulates")
    kept = {artifact.id: artifact for artifact in history.client.read_artifacts()}
    assert set(kept) == set(made.values())
    assert all(artifact.flow_run_id == run.id for artifact in kept.values())
    told = {name: (kept[id].key, kept[id].type, kept[id].data) for name, id in made.items()}
    rows = json.loads(str(kept[made["table"]].data))
    assert told == {
        "markdown": ("markdown", "markdown", "# ☃"),
        "link": ("link", "markdown", "[Example](https://example.com)"),
        "image": ("image", "image", IMAGE),
        "progress": ("progress", "progress", 75.0),
        "table": ("table", "table", kept[made["table"]].data),
        "keyless": (None, "markdown", "no key"),
    }
    assert rows == [{"n": 1, "x": None}, {"n": 2, "x": 0.5}]
    assert kept[made["table"]].description == "Some *rows*."
    assert kept[made["progress"]].description == "Soon there."
    assert {name for name, id in made.items() if kept[id].task_run_id == task_run.id} == {"table"}


def test_the_latest_artifact_of_a_key_is_found(history: History) -> None:
    made: list[Any] = []

    @flow(flow_run_name="{name}")
    def reports(name: str) -> None:
        made.append(create_markdown_artifact(name, key="report"))
        create_progress_artifact(1.0, key=f"of-{name}")

    for name in ("one", "two", "three"):
        reports(name)
    client = history.client
    newest: Any = Artifact.get("report")
    assert (newest.id, newest.data) == (made[-1], "three")
    assert Artifact.get("other") is None
    latest = {each.key: each for each in client.read_latest_artifacts()}
    assert set(latest) == {"report", "of-one", "of-two", "of-three"}
    assert (latest["report"].latest_id, latest["report"].data) == (made[-1], "three")
    like = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(like_="of-t"))
    found = client.read_latest_artifacts(artifact_filter=like)
    assert {each.key for each in found} == {"of-two", "of-three"}

    # What comes before the latest takes its place when that is deleted.
    client.delete_artifact(made[-1])
    newest = Artifact.get("report")
    assert newest.id == made[1]
    (back,) = [each for each in client.read_latest_artifacts() if each.key == "report"]
    assert (back.latest_id, back.data) == (made[1], "two")
    for id in made[:2]:
        client.delete_artifact(id)
    assert "report" not in [each.key for each in client.read_latest_artifacts()]


def test_artifacts_are_found_by_key_type_and_run(history: History) -> None:
    @flow(flow_run_name="{name}", persist_result=True)
    def reports(name: str) -> str:
        create_markdown_artifact(name, key="report")
        create_image_artifact(IMAGE, key=f"image-{name}")
        return name

    for name in ("one", "two"):
        reports(name)
    first, _ = history.flow_runs()

    def found(**given: object) -> list[tuple[str | None, UUID | None]]:
        artifacts = history.client.read_artifacts(
            artifact_filter=ArtifactFilter.model_validate(given), sort=ArtifactSort.KEY_ASC
        )
        return [(each.key, each.flow_run_id) for each in artifacts]

    of_first = ArtifactFilterFlowRunId(any_=[first.id])
    images = ArtifactFilterType(any_=["image"])
    assert found(flow_run_id=of_first, type=images) == [("image-one", first.id)]
    by_key = ArtifactFilterKey(any_=["report"])
    assert found(flow_run_id=of_first, key=by_key) == [("report", first.id)]
    assert [key for key, _ in found(key=ArtifactFilterKey(like_="image"))] == [
        "image-one",
        "image-two",
    ]
    # Results are artifacts without a key.
    assert len(found(key=ArtifactFilterKey(exists_=False))) == 2
    by_run = history.client.read_artifacts(
        flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=["one"]))
    )
    assert {each.flow_run_id for each in by_run} == {first.id}
    assert len(by_run) == 3


def test_what_is_there_already_is_got_and_what_is_not_is_created(history: History) -> None:
    @flow
    async def reports() -> list[bool]:
        await acreate_markdown_artifact("first", key="report")
        there, new = await Artifact.aget_or_create(key="report", data="second")
        assert there.data == "first"
        other, also_new = await Artifact.aget_or_create(key="other", data={"n": 1})
        assert json.loads(str(other.data)) == {"n": 1}
        return [new, also_new]

    assert asyncio.run(reports()) == [False, True]
    assert len(history.client.read_artifacts()) == 2
