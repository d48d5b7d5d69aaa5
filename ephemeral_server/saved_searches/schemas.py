"""Saved searches on the wire."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from ephemeral_server.fields import JsonValue, Offset, Storable
from ephemeral_server.http.body import QueryBody, StrictBody


class SavedSearchFilter(BaseModel):
    """One criterion; the server keeps it and does not look into it."""

    object: Storable
    property: Storable
    type: Storable
    operation: Storable
    value: JsonValue


class SavedSearchCreate(StrictBody):
    """A search to keep under its name, instead of the one there."""

    name: Storable
    filters: list[SavedSearchFilter] = Field(default_factory=list)


class SavedSearch(BaseModel):
    """A saved search as it is answered."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: str
    filters: list[SavedSearchFilter] = Field(default_factory=list)


class SavedSearchQuery(QueryBody):
    """Which part of the list."""

    limit: int | None = None
    offset: Offset = 0
