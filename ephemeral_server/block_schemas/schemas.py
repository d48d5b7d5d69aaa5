"""Block schemas on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from ephemeral_server.block_schemas.creation import NO_VERSION
from ephemeral_server.block_schemas.definitions import references_of
from ephemeral_server.block_schemas.filters import BlockSchemaFilter
from ephemeral_server.block_types.schemas import BlockType
from ephemeral_server.fields import JsonObject, Offset, Storable
from ephemeral_server.http.body import QueryBody, StrictBody


def _referring(fields: dict[str, Any]) -> dict[str, Any]:
    references_of(fields)
    return fields


class BlockSchemaCreate(StrictBody):
    """A block schema to make.

    Attributes:
        fields: the JSON schema of the block's data, with what clients add to it.
        capabilities: what such blocks can do, such as ``write-path``.
    """

    fields: Annotated[JsonObject, AfterValidator(_referring)] = Field(default_factory=dict)
    block_type_id: UUID
    capabilities: list[Storable] = Field(default_factory=list)
    version: Storable = NO_VERSION


class BlockSchema(BaseModel):
    """A block schema as it is answered."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    checksum: str
    fields: dict[str, Any] = Field(default_factory=dict)
    block_type_id: UUID | None
    block_type: BlockType | None = None
    capabilities: list[str] = Field(default_factory=list)
    version: str = NO_VERSION


class BlockSchemaQuery(QueryBody):
    """Which block schemas, and which part of the list."""

    block_schemas: BlockSchemaFilter | None = None
    limit: int | None = None
    offset: Offset = 0
