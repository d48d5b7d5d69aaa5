"""Concurrency limits of tags on the wire, as clients have known them before leases."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from ephemeral_server.fields import STORABLE, Integer, Storable
from ephemeral_server.http.body import QueryBody, StrictBody
from ephemeral_server.limits.schemas import ConcurrencyLimitQuery, MinimalConcurrencyLimitResponse

__all__ = [
    "ConcurrencyLimit",
    "ConcurrencyLimitCreate",
    "ConcurrencyLimitQuery",
    "MinimalConcurrencyLimitResponse",
    "TagReset",
    "TagSlots",
]

#: What can be a part of a limit's name.
Tag = Annotated[str, StringConstraints(pattern=r"^[^/%&><]*$"), STORABLE]


class ConcurrencyLimitCreate(StrictBody):
    """How many task runs with a tag may run at once; none if it is not above zero."""

    tag: Tag
    concurrency_limit: Integer


class ConcurrencyLimit(BaseModel):
    """The limit of a tag as it is answered.

    Attributes:
        active_slots: the task runs that have a slot.
    """

    id: UUID
    created: datetime | None
    updated: datetime | None
    tag: str
    concurrency_limit: int
    active_slots: list[UUID] = Field(default_factory=list)


class TagReset(QueryBody):
    """Which task runs have a slot from now on."""

    slot_override: list[UUID] | None = None


class TagSlots(QueryBody):
    """A slot of each of these tags, for a task run."""

    names: list[Storable]
    task_run_id: UUID
