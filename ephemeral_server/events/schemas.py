"""Events on the wire."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from ephemeral_server.clock import micros
from ephemeral_server.events.model import RESOURCE_ID, RESOURCE_ROLE, Event
from ephemeral_server.fields import FreeText, UtcDatetime

LONGEST_NAME = 1024  # characters
MOST_LABELS = 500
MOST_RELATED = 100


def _resource(labels: dict[str, str]) -> dict[str, str]:
    if any("\x00" in name or "\x00" in value for name, value in labels.items()):
        labels = {k.replace("\x00", ""): v.replace("\x00", "") for k, v in labels.items()}
    if len(labels) > MOST_LABELS:
        raise ValueError(f"has {len(labels)} labels, at most {MOST_LABELS} are allowed")
    if not labels.get(RESOURCE_ID):
        raise ValueError(f"must have a non-empty label '{RESOURCE_ID}'")
    return labels


def _related(labels: dict[str, str]) -> dict[str, str]:
    if not labels.get(RESOURCE_ROLE):
        raise ValueError(f"must have a non-empty label '{RESOURCE_ROLE}'")
    return labels


#: The labels of the resource that an event is about.
Resource = Annotated[dict[str, str], AfterValidator(_resource)]

#: The labels of another resource involved, with the part that it plays.
RelatedResource = Annotated[dict[str, str], AfterValidator(_resource), AfterValidator(_related)]


class EventIn(BaseModel):
    """An event as a client sends it. Unknown keys are ignored.

    NUL characters are dropped from the name and the labels, which are searched.
    """

    occurred: UtcDatetime
    event: Annotated[FreeText, Field(max_length=LONGEST_NAME)]
    resource: Resource
    related: Annotated[list[RelatedResource], Field(max_length=MOST_RELATED)] = []
    payload: dict[str, Any] = {}
    id: UUID
    follows: UUID | None = None

    def to_event(self, received: int) -> Event:
        """The event, received at that instant in microseconds since 1970 UTC."""
        return Event(
            id=str(self.id),
            occurred=micros(self.occurred),
            event=self.event,
            resource=self.resource,
            related=self.related,
            payload=self.payload,
            follows=None if self.follows is None else str(self.follows),
            received=received,
        )
