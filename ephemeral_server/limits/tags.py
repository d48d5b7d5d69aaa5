"""The limits of tags, whose slots task runs have.

They are limits like others, called after the tag. Who has their slots is known by the leases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, func, select

from ephemeral_server.database.sorting import ascending
from ephemeral_server.database.tables import (
    concurrency_lease,
    concurrency_lease_limit,
    concurrency_limit,
)
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.limits.creation import create_limit
from ephemeral_server.limits.events import emit_limit_event
from ephemeral_server.limits.leases import FOREVER, Holder, acquire, create_lease, holders_of
from ephemeral_server.limits.releases import detach, release_held
from ephemeral_server.limits.store import (
    TAG_PREFIX,
    Limit,
    LimitRow,
    change_limit,
    read_limits_by_name,
    remove_limit,
)
from ephemeral_server.wire import Field, Shape, dump, field, instant, number, plain, raw

NOT_FOUND = "Concurrency limit not found"

#: Needs the columns of a limit, and in ``holders`` a JSON list of the task runs with slots.
TAG_LIMIT = Shape(
    (
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        Field("tag", lambda name: dump(tag_of(name)), ("name",)),
        field("concurrency_limit", number, "slots"),
        field("active_slots", raw, "holders"),
    )
)

_C = concurrency_limit.c
_LEASE = concurrency_lease.c
_ON = concurrency_lease_limit.c
#: Not with LIKE, for which SQLite takes ``Tag:`` for the same.
_OF_TAG = and_(_C.name >= TAG_PREFIX, _C.name < TAG_PREFIX[:-1] + chr(ord(TAG_PREFIX[-1]) + 1))
_BY_NAME_ORDER = ascending(_C.name, _C.id)


class LockedError(Exception):
    """A tag has no slot left. The message is for the client.

    Attributes:
        passing: whether to wait helps.
    """

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


def tag_of(name: str) -> str:
    """The tag that a limit of this name is for."""
    return name.removeprefix(TAG_PREFIX)


def never_free(limit: Limit) -> str:
    """What to say of a tag's limit that lets nobody through."""
    return (
        f'The concurrency limit on tag "{tag_of(limit.name)}" is 0 and will deadlock if the '
        "task tries to run again."
    )


def set_tag_limit(tx: Transaction, tag: str, slots: int) -> tuple[Mapping[Any, Any], bool]:
    """Give a tag a limit of so many slots; its row for `TAG_LIMIT`, and whether it is new."""
    name = TAG_PREFIX + tag
    row: LimitRow | None = create_limit(tx, name, slots)
    new = row is not None
    if row is None:
        row = change_limit(tx, _lock(tx, _C.name == name), {"slots": slots})
    else:
        emit_limit_event(tx, "created", row)
    return _with_holders(tx.connection, tx.now(), [row])[0], new


def read_tag_limit(connection: Connection, now: int, of: UUID | str) -> Mapping[Any, Any] | None:
    """The limit of an id or of a tag as it is at `now`, for `TAG_LIMIT`."""
    rows = connection.execute(select(concurrency_limit).where(_which(of))).mappings().all()
    return _with_holders(connection, now, rows)[0] if rows else None


def list_tag_limits(
    connection: Connection, now: int, limit: int, offset: int
) -> list[Mapping[Any, Any]]:
    """Some of the tags' limits by name as they are at `now`, for `TAG_LIMIT`."""
    query = select(concurrency_limit).where(_OF_TAG).order_by(*_BY_NAME_ORDER)
    rows = connection.execute(query.limit(limit).offset(offset)).mappings().all()
    return _with_holders(connection, now, rows)


def take_tag_slots(tx: Transaction, tags: Iterable[str], task_run_id: str) -> list[Limit]:
    """Take a slot of each tag that has a limit in force, for a task run; these limits.

    Whoever took them before takes others.

    Raises:
        LockedError: one of the tags has no slot left, and then none was taken.
    """
    limits = [limit for limit in _limits(tx, tags) if limit.active]
    for limit in limits:
        if limit.slots == 0:
            raise LockedError(never_free(limit), passing=False)
    ids = [limit.id for limit in limits]
    if limits and acquire(tx, ids, FOREVER, holder=Holder("task_run", task_run_id)) is None:
        reason = f"Concurrency limit for the {tag_of(limits[0].name)} tag has been reached"
        raise LockedError(reason, passing=True)
    return limits


def return_tag_slots(tx: Transaction, tags: Iterable[str], task_run_id: str) -> list[Limit]:
    """End the leases that a task run has on the limits of tags; all limits that they have."""
    limits = _limits(tx, tags)
    if limits:
        ids = [limit.id for limit in limits]
        release_held(tx, Holder("task_run", task_run_id), limit_ids=ids)
    return limits


def reset_tag_limit(tx: Transaction, tag: str, task_run_ids: Iterable[str]) -> None:
    """Let these task runs and nobody else have slots of a tag, whether there are as many or not.

    Raises:
        ObjectNotFoundError: the tag has no limit.
    """
    limit = _lock_free(tx, tag)
    for id in task_run_ids:
        create_lease(tx, [limit["id"]], FOREVER, holder=Holder("task_run", id))
    held = (
        select(func.coalesce(func.sum(_LEASE.slots), 0))
        .join(concurrency_lease_limit, _ON.lease_id == _LEASE.id)
        .where(_ON.limit_id == limit["id"])
    )
    now = tx.now()
    values = {"active_slots": held.scalar_subquery(), "decays_from": now, "updated": now}
    statement = concurrency_limit.update().where(_C.id == limit["id"]).values(values)
    tx.connection.execute(statement)


def delete_tag_limit(tx: Transaction, of: UUID | str) -> None:
    """Delete the limit of an id or of a tag with the leases on it alone.

    Raises:
        ObjectNotFoundError: there is no such limit, or it is not a tag's.
    """
    remove_limit(tx, _lock_free(tx, of))


def _which(of: UUID | str) -> ColumnElement[bool]:
    return and_(_C.id == str(of), _OF_TAG) if isinstance(of, UUID) else _C.name == TAG_PREFIX + of


def _lock_free(tx: Transaction, of: UUID | str) -> LimitRow:
    """The row of a limit, locked, on which no leases are any more."""
    id = tx.connection.scalar(select(_C.id).where(_which(of)))
    if id is None:
        raise ObjectNotFoundError(NOT_FOUND)
    detach(tx, id)
    return _lock(tx, _C.id == id)


def _lock(tx: Transaction, which: ColumnElement[bool]) -> LimitRow:
    query = select(concurrency_limit).where(which).with_for_update()
    row = tx.connection.execute(query).mappings().one_or_none()
    if row is None:  # somebody has deleted it a moment ago
        raise ObjectNotFoundError(NOT_FOUND)
    return row


def _limits(tx: Transaction, tags: Iterable[str]) -> list[Limit]:
    names = [TAG_PREFIX + tag for tag in dict.fromkeys(tags)]
    return read_limits_by_name(tx.connection, tx.now(), names)


def _with_holders(
    connection: Connection, now: int, rows: Sequence[LimitRow]
) -> list[Mapping[Any, Any]]:
    holders = holders_of(connection, now, [row["id"] for row in rows])
    return [
        {
            **row,
            "holders": dump(
                [holder.id for holder in holders[row["id"]] if holder.type == "task_run"]
            ),
        }
        for row in rows
    ]
