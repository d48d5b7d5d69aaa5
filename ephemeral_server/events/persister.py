"""Writes every event to the database, where the event routes find it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select

from ephemeral_server.database import Database, Transaction
from ephemeral_server.database.tables import event as events_table
from ephemeral_server.database.tables import event_resource
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.events.batching import BatchingConsumer, Refused
from ephemeral_server.events.model import RESOURCE_ID, RESOURCE_ROLE, Event, json_text

#: So many characters of a resource's id are kept to search by. PostgreSQL's index takes some
#: 2,700 bytes and refuses longer ids, and with them the whole event.
LONGEST_SEARCHED_ID = 600

_present = select(events_table.c.id).where(events_table.c.id.in_(bindparam("ids", expanding=True)))


class EventPersister(BatchingConsumer):
    """Keeps the tables ``event`` and ``event_resource``.

    Args:
        database: open for as long as events are offered.
    """

    def __init__(self, database: Database) -> None:
        super().__init__("Event persister", self._persist, size=500, linger=0.1)
        self._database = database

    async def _persist(self, events: list[Event]) -> list[Refused]:
        await self._database.write(write_events, events)
        return []


def write_events(tx: Transaction, events: list[Event]) -> None:
    """Insert the events whose ids are not there yet, each with its resources."""
    fresh = {event.id: event for event in reversed(events)}  # the first of an id counts
    for id in tx.connection.scalars(_present, {"ids": list(fresh)}):
        del fresh[id]
    if not fresh:
        return
    recorded = tx.now()
    rows = [_event_row(event, recorded) for event in reversed(fresh.values())]
    resources = [row for event in fresh.values() for row in _resource_rows(event)]
    tx.connection.execute(insert_or_ignore(tx.dialect, events_table), rows)
    tx.connection.execute(insert_or_ignore(tx.dialect, event_resource), resources)


def _event_row(event: Event, recorded: int) -> dict[str, Any]:
    texts = event.texts()
    return {
        "id": event.id,
        "occurred": event.occurred,
        "event": event.event,
        "resource_id": event.resource_id,
        "resource": texts.resource,
        "related": texts.related,
        "payload": texts.payload,
        "received": event.received,
        "recorded": recorded,
        "follows": event.follows,
    }


def _resource_rows(event: Event) -> list[dict[str, Any]]:
    """One row for the primary resource, whose role is empty, and for each related one."""
    return [
        {
            "event_id": event.id,
            "position": position,
            "occurred": event.occurred,
            "resource_id": labels[RESOURCE_ID][:LONGEST_SEARCHED_ID],
            "resource_role": labels[RESOURCE_ROLE] if position else "",
            "resource": json_text(
                {k: v for k, v in labels.items() if k not in (RESOURCE_ID, RESOURCE_ROLE)}
            ),
        }
        for position, labels in enumerate((event.resource, *event.related))
    ]
