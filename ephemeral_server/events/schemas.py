"""Events on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from ephemeral_server.events.model import RESOURCE_ID, RESOURCE_ROLE, Event
from ephemeral_server.fields import IdText, Instant, free, storable

LONGEST_NAME = 1024  # characters
MOST_LABELS = 500
MOST_RELATED = 100


def _resource(labels: dict[str, str]) -> dict[str, str]:
    together = "".join([*labels, *labels.values()])
    if "\x00" in together or not together.isascii():
        labels = {storable(name): storable(value) for name, value in labels.items()}
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

    The name and the labels, which are searched, lose what databases cannot store as text.
    """

    occurred: Instant
    event: Annotated[str, Field(max_length=LONGEST_NAME), BeforeValidator(free)]
    resource: Resource
    related: Annotated[list[RelatedResource], Field(max_length=MOST_RELATED)] = []
    payload: dict[str, Any] = {}
    id: IdText
    follows: IdText | None = None

    def to_event(self, received: int) -> Event:
        """The event, received at that instant in microseconds since 1970 UTC."""
        return Event(
            id=self.id,
            occurred=self.occurred,
            event=self.event,
            resource=self.resource,
            related=self.related,
            payload=self.payload,
            follows=self.follows,
            received=received,
        )
