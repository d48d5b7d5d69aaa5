"""Routes of artifacts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response

from ephemeral_server.artifacts import store
from ephemeral_server.artifacts.creation import create_artifact as keep_artifact
from ephemeral_server.artifacts.schemas import (
    Artifact,
    ArtifactCollection,
    ArtifactCount,
    ArtifactCreate,
    ArtifactQuery,
    ArtifactUpdate,
    CollectionCount,
    CollectionQuery,
)
from ephemeral_server.artifacts.wire import ARTIFACT, COLLECTION
from ephemeral_server.database.tables import artifact, artifact_collection
from ephemeral_server.fields import Storable
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.reply import CREATED, JsonReply, no_content
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump

router = APIRouter(prefix="/artifacts", tags=["Artifacts"], route_class=DirectRoute)


@router.post("/", response_model=Artifact)
async def create_artifact(body: ArtifactCreate, request: Request) -> Response:
    """Keep an artifact, from now on the latest of its key."""
    given = {name: getattr(body, name) for name in ("key", "type", "description")}
    ids = {
        name: str(id)
        for name in ("flow_run_id", "task_run_id")
        if (id := getattr(body, name)) is not None
    }
    texts = {name: _text(getattr(body, name)) for name in ("data", "metadata_")}
    row = await runtime_of(request).database.write(keep_artifact, **given, **ids, **texts)
    return JsonReply(ARTIFACT.render_row(row), CREATED)


@router.post("/filter", response_model=list[Artifact])
async def read_artifacts(request: Request, body: ArtifactQuery | None = None) -> Response:
    """The artifacts that fit the filters."""
    runtime, body = runtime_of(request), body or ArtifactQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where, order = body.clause(runtime.database.dialect), store.ORDERS[body.sort.value]
    rows = await runtime.database.read(store.list_artifacts, where, order, limit, body.offset)
    return JsonReply(ARTIFACT.render_all(rows))


@router.post("/latest/filter", response_model=list[ArtifactCollection])
async def read_latest_artifacts(request: Request, body: CollectionQuery | None = None) -> Response:
    """The keys whose latest artifacts fit the filters, with these."""
    runtime, body = runtime_of(request), body or CollectionQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where, order = body.clause(runtime.database.dialect), store.COLLECTION_ORDERS[body.sort.value]
    rows = await runtime.database.read(store.list_collections, where, order, limit, body.offset)
    return JsonReply(COLLECTION.render_all(rows))


@router.post("/count", response_model=int)
async def count_artifacts(request: Request, body: ArtifactCount | None = None) -> Response:
    """How many artifacts fit the filters."""
    database = runtime_of(request).database
    where = (body or ArtifactCount()).clause(database.dialect)
    return JsonReply(str(await database.read(store.count, artifact, where)))


@router.post("/latest/count", response_model=int)
async def count_latest_artifacts(request: Request, body: CollectionCount | None = None) -> Response:
    """How many keys have a latest artifact that fits the filters."""
    database = runtime_of(request).database
    where = (body or CollectionCount()).clause(database.dialect)
    return JsonReply(str(await database.read(store.count, artifact_collection, where)))


@router.get("/{id:uuid}", response_model=Artifact)
async def read_artifact(id: UUID, request: Request) -> Response:
    """One artifact."""
    row = await runtime_of(request).database.read(store.read_artifact, str(id))
    if row is None:
        raise _not_found()
    return JsonReply(ARTIFACT.render_row(row))


@router.get("/{key}/latest", response_model=Artifact)
async def read_latest_artifact(key: Storable, request: Request) -> Response:
    """The latest artifact of a key."""
    row = await runtime_of(request).database.read(store.read_latest_artifact, key)
    if row is None:
        raise _not_found()
    return JsonReply(ARTIFACT.render_row(row))


@router.patch("/{id:uuid}", status_code=204, response_model=None)
async def update_artifact(id: UUID, body: ArtifactUpdate, request: Request) -> Response:
    """Change what an artifact shows."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    for name in changes.keys() & {"data", "metadata_"}:
        changes[name] = _text(changes[name])
    if not await runtime_of(request).database.write(store.update_artifact, str(id), changes):
        raise _not_found()
    return no_content()


@router.delete("/{id:uuid}", status_code=204, response_model=None)
async def delete_artifact(id: UUID, request: Request) -> Response:
    """Delete an artifact; the one of its key before it is the latest then."""
    if not await runtime_of(request).database.write(store.delete_artifact, str(id)):
        raise _not_found()
    return no_content()


def _text(value: Any) -> str | None:
    return None if value is None else dump(value)


def _not_found() -> HTTPException:
    return HTTPException(404, "Artifact not found.")
