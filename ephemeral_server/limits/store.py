"""Reading concurrency limits, changing and deleting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, delete, select, update

from ephemeral_server.database.operators import each
from ephemeral_server.database.prepared import Prepared, fetch_all
from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import concurrency_limit
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ConflictError, ObjectNotFoundError
from ephemeral_server.limits.creation import create_limit
from ephemeral_server.limits.decay import DENIALS_PER_SECOND, decayed, slots_left
from ephemeral_server.limits.events import emit_limit_event
from ephemeral_server.limits.wire import LIMIT
from ephemeral_server.wire import dump

#: All columns of a limit.
LimitRow = Mapping[Any, Any]

NOT_FOUND = "Concurrency Limit not found"

#: What the name of a tag's limit begins with.
TAG_PREFIX = "tag:"
#: Databases take no more than some thousand values in a statement.
_AT_ONCE = 1000

_C = concurrency_limit.c
_LIMITS = select(concurrency_limit)
_LISTED = select(*[_C[key] for key in LIMIT.keys])
_BY_NAME_ORDER = ascending(_C.name, _C.id)
#: Asked before every task run with tags, of which hardly any have limits.
_ANY = Prepared(select(_C.id).where(_C.name.in_(select(each(bindparam("names"))))).limit(1))


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit at one instant.

    Attributes:
        active: whether it is in force.
        slots: how many it has.
        active_slots: how many of them are taken; what has decayed is not counted.
        denied: how many were denied slots lately.
        slot_decay_per_second: how many of the taken ones come back by themselves; 0: none.
        avg_slot_occupancy_seconds: how long a slot is taken, roughly.
    """

    id: str
    name: str
    active: bool
    slots: int
    active_slots: int
    denied: int
    slot_decay_per_second: float
    avg_slot_occupancy_seconds: float


def read_limit(connection: Connection, now: int, limit_id: str) -> Limit | None:
    """The limit of this id, as it is at `now`."""
    row = connection.execute(_LIMITS.where(_C.id == limit_id)).first()
    return None if row is None else _limit(row, now)


def is_any_limited(connection: Connection, names: Sequence[str]) -> bool:
    """Whether there is a limit of one of these names, in force or not."""
    if connection.dialect.name == "sqlite":
        return _ANY.first(connection, {"names": dump(names)}) is not None
    return bool(read_limits_by_name(connection, 0, names))


def read_limits_by_name(connection: Connection, now: int, names: Sequence[str]) -> list[Limit]:
    """The limits of these names, in the order of the names; those that do not exist are left out.

    Args:
        now: the instant that the limits are read for.
        names: without repetitions.
    """
    found: dict[str, Row[Any]] = {}
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        found |= {row.name: row for row in connection.execute(_LIMITS.where(_C.name.in_(some)))}
    return [_limit(found[name], now) for name in names if name in found]


def _limit(row: Row[Any], now: int) -> Limit:
    left = slots_left(row.active_slots, row.slot_decay_per_second, row.decays_from, now)
    denied = slots_left(row.denied_slots, DENIALS_PER_SECOND, row.denied_decays_from, now)
    return Limit(
        id=row.id,
        name=row.name,
        active=row.active,
        slots=row.slots,
        active_slots=left,
        denied=denied,
        slot_decay_per_second=row.slot_decay_per_second,
        avg_slot_occupancy_seconds=row.avg_slot_occupancy_seconds,
    )


def find_limit(connection: Connection, id_or_name: str, *, lock: bool = False) -> LimitRow | None:
    """The limit of this id or, if there is none, of this name.

    Args:
        lock: nobody else changes it until the commit.
    """
    for which in _either(id_or_name):
        query = _LIMITS.where(which)
        if lock:
            query = query.with_for_update()
        row = connection.execute(query).mappings().one_or_none()
        if row is not None:
            return row
    return None


def _either(id_or_name: str) -> list[ColumnElement[bool]]:
    by_name = _C.name == id_or_name
    try:
        return [_C.id == str(UUID(id_or_name)), by_name]
    except ValueError:
        return [by_name]


def list_limits(connection: Connection, limit: int, offset: int) -> Sequence[Sequence[Any]]:
    """Some of the limits by name, as values in the order of the keys of `LIMIT`."""
    return fetch_all(connection, _LISTED.order_by(*_BY_NAME_ORDER).limit(limit).offset(offset))


def make_limit(tx: Transaction, /, name: str, **given: Any) -> LimitRow:
    """Make a limit, see `create_limit`.

    Raises:
        ConflictError: there is one of this name.
    """
    row = create_limit(tx, name, **given)
    if row is None:
        raise _name_taken(name)
    emit_limit_event(tx, "created", row)
    return row


def update_limit(tx: Transaction, id_or_name: str, changes: Mapping[str, Any]) -> None:
    """Change the limit of this id or name.

    Args:
        changes: new values by the names of the columns.

    Raises:
        ObjectNotFoundError: there is no such limit.
        ConflictError: another limit has the new name.
    """
    limit = _lock(tx, id_or_name)
    name = changes.get("name", limit["name"])
    if name != limit["name"] and tx.connection.execute(_named(name)).first() is not None:
        raise _name_taken(name)
    change_limit(tx, limit, changes)


def change_limit(tx: Transaction, limit: LimitRow, changes: Mapping[str, Any]) -> LimitRow:
    """Change a limit; its row now. What has decayed by now is gone for good.

    Args:
        limit: its row, locked.
        changes: new values by the names of the columns.
    """
    now = tx.now()
    new = {**changes, "updated": now}
    if "active_slots" in changes:
        new["decays_from"] = now
    if "denied_slots" in changes:
        new["denied_decays_from"] = now
    left = decayed(tx.dialect, concurrency_limit)
    values = {"active_slots": left.left, "decays_from": left.since, **new}
    statement = update(concurrency_limit).where(_C.id == limit["id"]).values(values)
    tx.connection.execute(statement, {"now": now})
    after = {**limit, **new}
    emit_limit_event(tx, "updated", after)
    return after


def delete_limit(tx: Transaction, id_or_name: str) -> None:
    """Delete the limit of this id or name; leases on it stay until they end by themselves.

    Raises:
        ObjectNotFoundError: there is no such limit.
    """
    remove_limit(tx, _lock(tx, id_or_name))


def remove_limit(tx: Transaction, limit: LimitRow) -> None:
    """Delete a limit.

    Args:
        limit: its row, locked.
    """
    tx.connection.execute(delete(concurrency_limit).where(_C.id == limit["id"]))
    emit_limit_event(tx, "deleted", limit)


def _lock(tx: Transaction, id_or_name: str) -> LimitRow:
    row = find_limit(tx.connection, id_or_name, lock=True)
    if row is None:
        raise ObjectNotFoundError(NOT_FOUND)
    return row


def _named(name: str) -> Select[tuple[str]]:
    return select(_C.id).where(_C.name == name)


def _name_taken(name: str) -> ConflictError:
    return ConflictError(f"A concurrency limit named '{name}' already exists.")
