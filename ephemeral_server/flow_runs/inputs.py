"""What is sent to flow runs: texts under keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, not_, select

from ephemeral_server.database.operators import is_in
from ephemeral_server.database.prepared import fetch_all
from ephemeral_server.database.tables import flow_run, flow_run_input
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.errors import ConflictError, ObjectNotFoundError
from ephemeral_server.ids import new_id
from ephemeral_server.wire import Shape, field, instant, plain, text

#: A flow run input as JSON; needs the columns of its `keys`.
INPUT = Shape(
    [
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("flow_run_id", plain),
        field("key", text),
        field("value", text),
        field("sender", text),
    ]
)

_C = flow_run_input.c
_RUN = select(flow_run.c.id).where(flow_run.c.id == bindparam("id"))
_LAST = select(func.max(_C.created)).where(_C.flow_run_id == bindparam("id"))
_ONE = and_(_C.flow_run_id == bindparam("id"), _C.key == bindparam("wanted"))
_VALUE = select(_C.value).where(_ONE)
_DELETE = delete(flow_run_input).where(_ONE)
_INPUTS = select(*[_C[key] for key in INPUT.keys])


def create_input(
    tx: Transaction, flow_run_id: str, key: str, value: str, sender: str | None
) -> None:
    """Send a text to a flow run.

    Raises:
        ObjectNotFoundError: there is no such flow run.
        ConflictError: it has an input under this key.
    """
    # Locked against being deleted, and so that its inputs get their instants one by one.
    run = _RUN.with_for_update(key_share=True)
    if tx.connection.execute(run, {"id": flow_run_id}).first() is None:
        raise ObjectNotFoundError("Flow run not found")
    # Readers take inputs in the order they came, so no two of a run came at one instant.
    last = tx.connection.scalar(_LAST, {"id": flow_run_id})
    now = tx.now() if last is None else max(tx.now(), last + 1)
    row = {
        "id": new_id(now),
        "created": now,
        "updated": now,
        "flow_run_id": flow_run_id,
        "key": key,
        "value": value,
        "sender": sender,
    }
    insert = insert_or_ignore(tx.dialect, flow_run_input, "flow_run_id", "key")
    if not tx.connection.execute(insert, row).rowcount:
        raise ConflictError("A flow run input with this key already exists.")


def list_inputs(
    connection: Connection, flow_run_id: str, prefix: str, exclude: Sequence[str], limit: int
) -> Sequence[Sequence[Any]]:
    """The first inputs whose keys begin with `prefix`, as values in the order of `INPUT`."""
    query = _INPUTS.where(_C.flow_run_id == flow_run_id)
    if prefix:
        # Unlike LIKE this minds capitals on both databases, and has no wildcards.
        query = query.where(func.substr(_C.key, 1, len(prefix)) == prefix)
    if exclude:
        query = query.where(not_(is_in(_C.key, list(exclude), connection.dialect.name)))
    return fetch_all(connection, query.order_by(_C.created, _C.id).limit(limit))


def read_input(connection: Connection, flow_run_id: str, key: str) -> str | None:
    """The text under a key of a flow run."""
    value: str | None = connection.scalar(_VALUE, _wanted(flow_run_id, key))
    return value


def delete_input(tx: Transaction, flow_run_id: str, key: str) -> bool:
    """Delete the text under a key of a flow run; whether there was one."""
    return bool(tx.connection.execute(_DELETE, _wanted(flow_run_id, key)).rowcount)


def _wanted(flow_run_id: str, key: str) -> Mapping[str, str]:
    return {"id": flow_run_id, "wanted": key}
