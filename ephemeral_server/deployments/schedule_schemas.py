"""Schedules of deployments on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from ephemeral_server.fields import LARGEST, JsonObject, Storable
from ephemeral_server.http.body import StrictBody
from ephemeral_server.schedules.schemas import Schedule

PositiveInteger = Annotated[int, Field(gt=0, le=LARGEST)]


class DeploymentSchedule(BaseModel):
    """A schedule as it is answered."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    deployment_id: UUID | None = None
    schedule: Schedule
    active: bool = True
    max_scheduled_runs: PositiveInteger | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    slug: str | None = None


class DeploymentScheduleCreate(StrictBody):
    """A schedule to make; `replaces` means nothing here."""

    active: bool = True
    schedule: Schedule
    max_scheduled_runs: PositiveInteger | None = None
    parameters: JsonObject = Field(default_factory=dict)
    slug: Storable | None = None
    replaces: Storable | None = None


class DeploymentScheduleUpdate(StrictBody):
    """What of a schedule can be changed; a null changes nothing.

    In a list for a whole deployment `slug` says which schedule is meant, or, if `replaces` does
    so, which slug that one is to have from now on.
    """

    active: bool | None = None
    schedule: Schedule | None = None
    max_scheduled_runs: PositiveInteger | None = None
    parameters: JsonObject = Field(default_factory=dict)
    slug: Storable | None = None
    replaces: Storable | None = None
