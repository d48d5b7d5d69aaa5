"""Making artifacts, and which of those of a key is the latest.

Whoever changes what a collection is about locks its row first, and only then reads the time:
so the artifacts of a key are in the order of their commits, and the latest is the newest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select, update

from ephemeral_server.artifacts.events import emit_collection_event
from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import artifact, artifact_collection
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.ids import new_id

ArtifactRow = Mapping[str, Any]

_C = artifact_collection.c
_INSERT = Prepared(artifact.insert(), artifact.c.keys())
_LOCK = Prepared(select(_C.id, _C.created).where(_C.key == bindparam("key")).with_for_update())
_POINT = Prepared(
    update(artifact_collection).where(_C.id == bindparam("collection_id")),
    ["collection_id", *(column.name for column in _C if column.name not in ("id", "key"))],
)


def create_artifact(
    tx: Transaction,
    *,
    key: str | None = None,
    type: str | None = None,
    data: str | None = None,
    description: str | None = None,
    metadata_: str | None = None,
    flow_run_id: str | None = None,
    task_run_id: str | None = None,
) -> ArtifactRow:
    """Keep an artifact, from now on the latest of its key; its row.

    Args:
        data: as JSON text.
        metadata_: as JSON text.
        flow_run_id: need not be that of a run which is there, as `task_run_id` need not.
    """
    about = {
        "key": key,
        "type": type,
        "data": data,
        "description": description,
        "metadata_": metadata_,
        "flow_run_id": flow_run_id,
        "task_run_id": task_run_id,
    }
    row = _stamped(tx, about) if key is None else _collected(tx, about)
    _INSERT.run(tx.connection, row)
    return row


def point_to(tx: Transaction, collection_id: str, latest: ArtifactRow) -> None:
    """Make an artifact the latest of its collection, which is locked."""
    collection = {**latest, "id": collection_id, "latest_id": latest["id"]}
    _POINT.run(tx.connection, {**collection, "collection_id": collection_id})
    emit_collection_event(tx, "updated", collection)


def _stamped(tx: Transaction, about: dict[str, Any]) -> dict[str, Any]:
    now = tx.now()
    return {"id": new_id(now), "created": now, "updated": now, **about}


def _collected(tx: Transaction, about: dict[str, Any]) -> dict[str, Any]:
    """The row of an artifact with a key, whose collection has it as the latest."""
    insert = insert_or_ignore(tx.dialect, artifact_collection, "key")
    while True:  # once, unless others make or delete the collection at this moment
        found = _LOCK.first(tx.connection, {"key": about["key"]})
        row = _stamped(tx, about)
        if found is not None:
            collection_id, created = found
            point_to(tx, collection_id, {**row, "created": created})
            return row
        collection = {**row, "id": new_id(row["created"]), "latest_id": row["id"]}
        if tx.connection.execute(insert, collection).rowcount:
            emit_collection_event(tx, "created", collection)
            return row
