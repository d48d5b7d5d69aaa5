"""What can be done with the saved searches of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import saved_search
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.ids import new_id
from ephemeral_server.wire import Shape, field, instant, plain, raw, text

#: A saved search as JSON; needs the columns of its `keys`.
SAVED_SEARCH = Shape(
    [
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("name", text),
        field("filters", raw),
    ]
)

_C = saved_search.c
_SEARCHES = select(*[_C[key] for key in SAVED_SEARCH.keys])
_BY_ID = _SEARCHES.where(_C.id == bindparam("id"))
_BY_NAME = _SEARCHES.where(_C.name == bindparam("wanted"))
_BY_NAME_ORDER = ascending(_C.name, _C.id)
_REPLACE = (
    update(saved_search)
    .where(_C.name == bindparam("wanted"))
    .values(filters=bindparam("new_filters"))
)


def put_saved_search(tx: Transaction, name: str, filters: str) -> tuple[Mapping[Any, Any], bool]:
    """Keep a search under its name; the search, and whether it is new.

    Args:
        filters: its criteria as a JSON list, which replace those of the search there. The
            instants of that search stay as they are.
    """
    now = tx.now()
    row = {"id": new_id(now), "created": now, "updated": now, "name": name, "filters": filters}
    if tx.connection.execute(insert_or_ignore(tx.dialect, saved_search, "name"), row).rowcount:
        return row, True
    tx.connection.execute(_REPLACE, {"wanted": name, "new_filters": filters})
    return tx.connection.execute(_BY_NAME, {"wanted": name}).mappings().one(), False


def read_saved_search(connection: Connection, id: str) -> Mapping[Any, Any] | None:
    """The saved search of this id."""
    return connection.execute(_BY_ID, {"id": id}).mappings().one_or_none()


def list_saved_searches(connection: Connection, limit: int, offset: int) -> Sequence[Sequence[Any]]:
    """Some of the saved searches by name, as values in the order of `SAVED_SEARCH`."""
    query = _SEARCHES.order_by(*_BY_NAME_ORDER).limit(limit).offset(offset)
    return fetch_all(connection, query)


def delete_saved_search(tx: Transaction, id: str) -> bool:
    """Delete a saved search; whether there was one."""
    return bool(tx.connection.execute(delete(saved_search).where(_C.id == id)).rowcount)
