"""What task workers say, and what is told of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from ephemeral_server.fields import FreeText, Storable
from ephemeral_server.http.body import QueryBody

#: How many keys one subscription may name. Each is looked up by itself.
MOST_KEYS = 1000
#: How long the name of a worker may be, in characters.
LONGEST_NAME = 1000

_Key = Annotated[Storable, Field(min_length=1)]


class Subscribe(BaseModel):
    """The frame that begins a subscription.

    Attributes:
        keys: of the tasks whose runs are wanted, those that are wanted most first.
        client_id: names the worker, which may have several connections.
    """

    type: Literal["subscribe"]
    keys: Annotated[list[_Key], Field(min_length=1, max_length=MOST_KEYS)]
    client_id: Annotated[FreeText, Field(min_length=1, max_length=LONGEST_NAME)]


def violation(error: ValidationError) -> str:
    """What a first frame lacks that is no `Subscribe`; clients know the beginnings."""
    first = error.errors(include_url=False, include_context=False)[0]
    member = first["loc"][0] if first["loc"] else "type"
    if member == "type":
        return "Protocol violation: expected 'subscribe' message"
    reason = f"Protocol violation: expected '{member}' in subscribe message"
    if first["type"] == "missing" or not first["input"]:
        return reason
    return f"{reason}: {first['msg']}"


class TaskWorkerFilter(BaseModel):
    """Task workers that serve one of these tasks."""

    task_keys: list[str]


class TaskWorkerQuery(QueryBody):
    """Which task workers; all of them if no task is named."""

    task_worker_filter: TaskWorkerFilter | None = None


class TaskWorkerResponse(BaseModel):
    """A task worker that is connected.

    Attributes:
        timestamp: when it was last known to be there.
    """

    identifier: str
    task_keys: list[str]
    timestamp: datetime
