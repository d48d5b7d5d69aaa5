"""What can be done with the artifacts of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, func, select, update

from ephemeral_server.artifacts.creation import point_to
from ephemeral_server.artifacts.events import emit_collection_event
from ephemeral_server.artifacts.wire import ARTIFACT, COLLECTION
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.sorting import Order, ascending, descending
from ephemeral_server.database.tables import artifact, artifact_collection
from ephemeral_server.database.transaction import Transaction

_A, _C = artifact.c, artifact_collection.c


def _orders(table: Table) -> dict[str, Order]:
    columns = table.c
    return {
        "CREATED_DESC": descending(columns.created, columns.id),
        "UPDATED_DESC": descending(columns.updated, columns.id),
        "ID_DESC": descending(columns.id, columns.id),
        "KEY_DESC": descending(columns.key, columns.id),
        "KEY_ASC": ascending(columns.key, columns.id),
    }


#: Orders of artifacts. Each gets its id at the instant of its making, so these sort alike.
ORDERS: Mapping[str, Order] = {**_orders(artifact), "CREATED_DESC": descending(_A.id, _A.id)}
COLLECTION_ORDERS: Mapping[str, Order] = _orders(artifact_collection)

_ARTIFACTS = select(*[_A[key] for key in ARTIFACT.keys])
_COLLECTIONS = select(*[_C[key] for key in COLLECTION.keys])
_BY_ID = _ARTIFACTS.where(_A.id == bindparam("id"))
_LATEST = _ARTIFACTS.join(artifact_collection, _C.latest_id == _A.id).where(
    _C.key == bindparam("key")
)
_NEWEST = select(artifact).where(_A.key == bindparam("key")).order_by(_A.id.desc()).limit(1)
_LOCK = (
    select(artifact_collection)
    .where(_C.key == select(_A.key).where(_A.id == bindparam("id")).scalar_subquery())
    .with_for_update()
)


def read_artifact(connection: Connection, id: str) -> Mapping[Any, Any] | None:
    """The artifact of this id."""
    return connection.execute(_BY_ID, {"id": id}).mappings().one_or_none()


def read_latest_artifact(connection: Connection, key: str) -> Mapping[Any, Any] | None:
    """The latest artifact of a key."""
    return connection.execute(_LATEST, {"key": key}).mappings().one_or_none()


def list_artifacts(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> Sequence[Sequence[Any]]:
    """Artifacts as values in the order of the keys of `ARTIFACT`."""
    # Sorted by themselves, the ids do not drag along what the artifacts show.
    page = select(_A.id).where(where).order_by(*order).limit(limit).offset(offset)
    return fetch_all(connection, _ARTIFACTS.where(_A.id.in_(page.correlate(None))).order_by(*order))


def list_collections(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> Sequence[Sequence[Any]]:
    """Collections as values in the order of the keys of `COLLECTION`."""
    query = _COLLECTIONS.where(where).order_by(*order).limit(limit).offset(offset)
    return fetch_all(connection, query)


def count(connection: Connection, table: Table, where: Clause) -> int:
    """How many artifacts or collections, as `table` is, fit a condition."""
    return connection.execute(select(func.count()).select_from(table).where(where)).scalar_one()


def update_artifact(tx: Transaction, id: str, changes: Mapping[str, Any]) -> bool:
    """Change an artifact, and its collection if it is the latest; whether there is one.

    Args:
        changes: new values by the names of the columns.
    """
    _lock_collection(tx, id)
    values = {**changes, "updated": tx.now()}
    if not tx.connection.execute(update(artifact).where(_A.id == id).values(values)).rowcount:
        return False
    tx.connection.execute(update(artifact_collection).where(_C.latest_id == id).values(values))
    return True


def delete_artifact(tx: Transaction, id: str) -> bool:
    """Delete an artifact; whether there was one.

    If it was the latest of its key, the one before is. The last one takes the collection along.
    """
    collection = _lock_collection(tx, id)
    if not tx.connection.execute(delete(artifact).where(_A.id == id)).rowcount:
        return False
    if collection is not None and collection["latest_id"] == id:
        _replace_latest(tx, collection)
    return True


def _lock_collection(tx: Transaction, id: str) -> Mapping[Any, Any] | None:
    """The collection that an artifact belongs to, which nobody else changes until the commit."""
    return tx.connection.execute(_LOCK, {"id": id}).mappings().one_or_none()


def _replace_latest(tx: Transaction, collection: Mapping[Any, Any]) -> None:
    newest = tx.connection.execute(_NEWEST, {"key": collection["key"]}).mappings().one_or_none()
    if newest is not None:
        point_to(tx, collection["id"], {str(name): value for name, value in newest.items()})
        return
    tx.connection.execute(delete(artifact_collection).where(_C.id == collection["id"]))
    emit_collection_event(tx, "deleted", collection)
