"""What an event is inside the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic_core import to_json

from ephemeral_server.clock import isoformat
from ephemeral_server.wire import dump

RESOURCE_ID = "prefect.resource.id"
RESOURCE_ROLE = "prefect.resource.role"

_FRAME = 300  # characters that the rest of an event has at most, escapes in the name aside


class EventTexts(NamedTuple):
    """The parts of an event that are JSON documents, as text."""

    resource: str
    related: str
    payload: str


@dataclass(slots=True)
class Event:
    """Something that happened to a resource.

    Attributes:
        id: a UUID chosen by the sender, lower case with hyphens; whoever sees it twice has
            seen the same event twice.
        occurred: when it happened by the sender's clock, microseconds since 1970 UTC.
        event: its name, such as ``prefect.flow-run.Completed``.
        resource: labels of the primary resource, among them ``prefect.resource.id``.
        related: labels of the other resources involved; each has an id and a role.
        payload: a JSON object.
        follows: id of an event known to have happened before.
        received: when the server got it, microseconds since 1970 UTC; 0 lets the bus fill it in.
    """

    id: str
    occurred: int
    event: str
    resource: dict[str, str]
    related: list[dict[str, str]] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    follows: str | None = None
    received: int = 0
    _texts: EventTexts | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def resource_id(self) -> str:
        """The id of the primary resource."""
        return self.resource[RESOURCE_ID]

    def related_id(self, role: str) -> str | None:
        """The id of the first related resource in `role`; None if there is none."""
        for labels in self.related:
            if labels.get(RESOURCE_ROLE) == role:
                return labels.get(RESOURCE_ID)
        return None

    def texts(self) -> EventTexts:
        """The JSON documents of this event, written once: the event must not change after."""
        if self._texts is None:
            self._texts = EventTexts(
                json_text(self.resource), json_text(self.related), json_text(self.payload)
            )
        return self._texts

    def wire(self) -> str:
        """The event as the JSON object that clients receive."""
        texts = self.texts()
        follows = "null" if self.follows is None else f'"{self.follows}"'
        return (
            f'{{"occurred":"{isoformat(self.occurred)}","event":'
            f'{json_text(self.event)},"resource":{texts.resource},'
            f'"related":{texts.related},"payload":{texts.payload},"id":"{self.id}",'
            f'"follows":{follows},"received":"{isoformat(self.received)}"}}'
        )

    def weight(self) -> int:
        """About how many characters the event has as JSON."""
        return _FRAME + len(self.event) + sum(map(len, self.texts()))

    def size(self) -> int:
        """How many bytes of UTF-8 `wire` has."""
        return len(self.wire().encode())


def json_text(value: Any) -> str:
    """Compact JSON that holds every character as itself, so that text in it can be searched.

    A lone surrogate has no UTF-8, so a document with one is escaped throughout. NaN and
    infinities become null.
    """
    try:
        return to_json(value, inf_nan_mode="null").decode()
    except ValueError:
        return dump(value)
