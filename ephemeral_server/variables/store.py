"""What can be done with the variables of the database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, func, select, update

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.sorting import Order, ascending, descending
from ephemeral_server.database.tables import variable
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.errors import ConflictError
from ephemeral_server.events import objects
from ephemeral_server.ids import new_id
from ephemeral_server.wire import Shape, dump, field, instant, plain, raw, text

#: A variable as JSON; needs the columns of its `keys`.
VARIABLE = Shape(
    [
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("name", text),
        field("value", raw),
        field("tags", raw),
    ]
)

#: What a variable is looked up by.
Key = Literal["id", "name"]

_C = variable.c

ORDERS: Mapping[str, Order] = {
    "CREATED_DESC": descending(_C.created, _C.id),
    "UPDATED_DESC": descending(_C.updated, _C.id),
    "NAME_DESC": descending(_C.name, _C.id),
    "NAME_ASC": ascending(_C.name, _C.id),
}

_VARIABLES = select(*[_C[key] for key in VARIABLE.keys])
_BY = {key: _VARIABLES.where(_C[key] == bindparam("wanted")) for key in ("id", "name")}


def create_variable(tx: Transaction, name: str, value: Any, tags: list[str]) -> Mapping[str, Any]:
    """Make a variable; its row.

    Raises:
        ConflictError: there is one of this name.
    """
    now = tx.now()
    row = {
        "id": new_id(now),
        "created": now,
        "updated": now,
        "name": name,
        "value": dump(value),
        "tags": dump(tags),
    }
    if not tx.connection.execute(insert_or_ignore(tx.dialect, variable, "name"), row).rowcount:
        raise _taken(name)
    _emit(tx, "created", row)
    return row


def read_variable(connection: Connection, by: Key, wanted: str) -> Mapping[Any, Any] | None:
    """The variable of this id or name."""
    return connection.execute(_BY[by], {"wanted": wanted}).mappings().one_or_none()


def list_variables(
    connection: Connection, where: Clause, order: Order, limit: int, offset: int
) -> Sequence[Sequence[Any]]:
    """Variables as values in the order of the keys of `VARIABLE`."""
    query = _VARIABLES.where(where).order_by(*order).limit(limit).offset(offset)
    return fetch_all(connection, query)


def count_variables(connection: Connection, where: Clause) -> int:
    """How many variables there are."""
    return connection.execute(select(func.count()).select_from(variable).where(where)).scalar_one()


def update_variable(tx: Transaction, by: Key, wanted: str, changes: Mapping[str, Any]) -> bool:
    """Change a variable; whether there is one.

    Args:
        changes: any of a new name, value and tags.

    Raises:
        ConflictError: another one has the new name.
    """
    found = _lock(tx, by, wanted)
    if found is None:
        return False
    new = {key: value if key == "name" else dump(value) for key, value in changes.items()}
    new["updated"] = tx.now()
    row = {**found, **new}
    if row["name"] != found["name"] and read_variable(tx.connection, "name", row["name"]):
        raise _taken(row["name"])
    tx.connection.execute(update(variable).where(_C.id == row["id"]).values(new))
    _emit(tx, "updated", row)
    return True


def delete_variable(tx: Transaction, by: Key, wanted: str) -> bool:
    """Delete a variable; whether there was one."""
    found = _lock(tx, by, wanted)
    if found is None:
        return False
    tx.connection.execute(delete(variable).where(_C.id == found["id"]))
    _emit(tx, "deleted", found)
    return True


def _lock(tx: Transaction, by: Key, wanted: str) -> Mapping[Any, Any] | None:
    query = _BY[by].with_for_update()
    return tx.connection.execute(query, {"wanted": wanted}).mappings().one_or_none()


def _taken(name: str) -> ConflictError:
    return ConflictError(f"A variable with the name '{name}' already exists.")


def _emit(tx: Transaction, what: str, row: Mapping[Any, Any]) -> None:
    payload = {
        "name": row["name"],
        "value": json.loads(row["value"]),
        "tags": json.loads(row["tags"]),
    }
    about = objects.resource("variable", row["id"], row["name"])
    objects.emit(tx, f"prefect.variable.{what}", about, payload=payload)
