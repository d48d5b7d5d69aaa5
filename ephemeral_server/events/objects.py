"""Events that the server emits about its own objects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.events.model import Event
from ephemeral_server.ids import new_id


def resource(
    kind: str, id: str, name: str | None = None, *, role: str | None = None, **labels: str
) -> dict[str, str]:
    """The labels of an object.

    Args:
        kind: such as ``work-pool``.
        role: that it plays in the event.
        **labels: further ones; their names hold dots and so come as a mapping.
    """
    found = {"prefect.resource.id": f"prefect.{kind}.{id}"}
    if role is not None:
        found["prefect.resource.role"] = role
    if name is not None:
        found["prefect.resource.name"] = name
    return {**found, **labels}


def emit(
    tx: Transaction,
    event: str,
    about: dict[str, str],
    related: Iterable[dict[str, str]] = (),
    payload: dict[str, Any] | None = None,
    *,
    id: str | None = None,
    follows: str | None = None,
) -> None:
    """Tell of something that happens to an object now, once it is committed.

    Args:
        event: its name, such as ``prefect.work-pool.created``.
        about: the labels of the object.
        id: of the event; a new one if None.
    """
    now = tx.now()
    tx.emit(
        Event(
            id=id or new_id(now),
            occurred=now,
            event=event,
            resource=about,
            related=list(related),
            payload=payload or {},
            follows=follows,
            received=now,
        )
    )


def changes(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    fields: Iterable[str],
    *,
    json_fields: Iterable[str] = (),
) -> dict[str, Any] | None:
    """The payload that tells which fields of an object have changed; None if none has.

    Args:
        before: its row.
        after: its row now.
        fields: columns that count.
        json_fields: columns that count and hold JSON text.
    """
    updates: dict[str, Any] = {}
    for field in fields:
        if before[field] != after[field]:
            updates[field] = {"from": before[field], "to": after[field]}
    for field in json_fields:
        old, new = (json.loads(row[field] or "null") for row in (before, after))
        if old != new:
            updates[field] = {"from": old, "to": new}
    return {"updated_fields": list(updates), "updates": updates} if updates else None
