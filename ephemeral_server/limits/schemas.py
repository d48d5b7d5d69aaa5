"""Concurrency limits and leases on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from ephemeral_server.fields import LARGEST, NOT_NULL, NameText, Offset, Storable
from ephemeral_server.http.body import QueryBody, StrictBody
from ephemeral_server.limits.leases import HolderType

#: How many slots there are, or are taken.
Slots = Annotated[int, Field(ge=0, le=LARGEST)]
#: How many slots are asked for or given back.
SomeSlots = Annotated[int, Field(gt=0, le=LARGEST)]
#: How many slots come back by themselves in a second.
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
#: Seconds until a lease expires that is not renewed.
Duration = Annotated[float, Field(ge=60, le=86400)]

Mode = Literal["concurrency", "rate_limit"]


class ConcurrencyLimitV2Create(StrictBody):
    """A limit to make."""

    name: NameText
    limit: Slots
    active: bool = True
    active_slots: Slots = 0
    denied_slots: Slots = 0
    slot_decay_per_second: Rate = 0


class ConcurrencyLimitV2Update(StrictBody):
    """What of a limit can be changed; each member that is there replaces the old one."""

    name: Annotated[NameText | None, NOT_NULL] = None
    limit: Annotated[Slots | None, NOT_NULL] = None
    active: Annotated[bool | None, NOT_NULL] = None
    active_slots: Annotated[Slots | None, NOT_NULL] = None
    denied_slots: Annotated[Slots | None, NOT_NULL] = None
    slot_decay_per_second: Annotated[Rate | None, NOT_NULL] = None


class GlobalConcurrencyLimitResponse(BaseModel):
    """A limit as it is answered.

    Attributes:
        active_slots: those that are taken now; what has decayed is not counted.
    """

    id: UUID
    created: datetime | None
    updated: datetime | None
    active: bool = True
    name: str
    limit: int
    active_slots: int
    slot_decay_per_second: float = 2.0


class ConcurrencyLimitV2(BaseModel):
    """A limit as it is kept."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    active: bool = True
    name: str
    limit: int
    active_slots: int = 0
    denied_slots: int = 0
    slot_decay_per_second: float = 0
    avg_slot_occupancy_seconds: float = 2.0


class ConcurrencyLimitQuery(QueryBody):
    """Which part of the list."""

    limit: int | None = None
    offset: Offset = 0


class MinimalConcurrencyLimitResponse(BaseModel):
    """A limit of which slots were asked for or given back."""

    id: UUID
    name: str
    limit: int


class SlotsAsked(QueryBody):
    """Slots of all of the limits that have these names.

    Attributes:
        create_if_missing: of old clients. Limits are made by their own route alone; what has
            none is not limited.
    """

    names: list[Storable]
    slots: SomeSlots
    mode: Mode = "concurrency"
    create_if_missing: Annotated[bool | None, Field(deprecated=True)] = None


class SlotsReturned(QueryBody):
    """Slots of all of the limits that have these names, to give back.

    Attributes:
        occupancy_seconds: for how long they were taken.
    """

    names: list[Storable]
    slots: SomeSlots
    occupancy_seconds: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    create_if_missing: Annotated[bool | None, Field(deprecated=True)] = None


class ConcurrencyLeaseHolder(StrictBody):
    """Whose slots they are."""

    type: HolderType
    id: UUID


class LeaseAsked(SlotsAsked):
    """Slots to lease."""

    lease_duration: Duration = 300
    holder: ConcurrencyLeaseHolder | None = None


class LeaseRenewal(QueryBody):
    """From now on."""

    lease_duration: Duration = 300


class LeaseEnd(BaseModel):
    """The lease that ends."""

    lease_id: UUID


class ConcurrencyLimitWithLeaseResponse(BaseModel):
    """Slots that were leased, and of which limits."""

    lease_id: UUID
    limits: list[MinimalConcurrencyLimitResponse]
