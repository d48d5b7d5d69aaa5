"""Block documents on the wire."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from ephemeral_server.block_documents.filters import BlockDocumentFilter
from ephemeral_server.block_schemas.filters import BlockSchemaFilter
from ephemeral_server.block_schemas.schemas import BlockSchema
from ephemeral_server.block_types.filters import BlockTypeFilter
from ephemeral_server.block_types.schemas import BlockType
from ephemeral_server.fields import JsonObject, NameText, Offset, dashed
from ephemeral_server.http.body import QueryBody, StrictBody


class BlockDocument(BaseModel):
    """A block document as it is answered.

    Attributes:
        data: with the data of the documents that it refers to.
        block_document_references: the documents that it refers to, by their keys in the data.
    """

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: NameText | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    block_schema_id: UUID
    block_schema: BlockSchema | None = None
    block_type_id: UUID
    block_type_name: str | None = None
    block_type: BlockType | None = None
    block_document_references: dict[str, dict[str, Any]] = Field(default_factory=dict)
    is_anonymous: bool = False


class BlockDocumentCreate(StrictBody):
    """A block document to make.

    Attributes:
        name: an anonymous document without one is given one.
        data: with ``{"$ref": {"block_document_id": id}}`` for what it refers to.
    """

    name: Annotated[NameText, dashed("Block document name")] | None = None
    data: JsonObject = Field(default_factory=dict)
    block_schema_id: UUID
    block_type_id: UUID
    is_anonymous: bool = False

    @model_validator(mode="before")
    @classmethod
    def _empty_is_missing(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("name") == "" and not given.get("is_anonymous"):
            raise ValueError(_NAMELESS)
        return given

    @model_validator(mode="after")
    def _named(self) -> BlockDocumentCreate:
        if self.name is None and not self.is_anonymous:
            raise ValueError(_NAMELESS)
        return self


_NAMELESS = "Names must be provided for block documents."


class BlockDocumentUpdate(StrictBody):
    """What of a block document can be changed.

    Attributes:
        data: without the secrets and documents that are to stay, or with these as they are shown.
        merge_existing_data: whether what `data` does not mention stays.
    """

    block_schema_id: UUID | None = None
    data: JsonObject = Field(default_factory=dict)
    merge_existing_data: bool = True


class BlockDocumentSort(str, Enum):
    """Orders of block documents."""

    NAME_DESC = "NAME_DESC"
    NAME_ASC = "NAME_ASC"
    BLOCK_TYPE_AND_NAME_ASC = "BLOCK_TYPE_AND_NAME_ASC"


class BlockDocumentCount(QueryBody):
    """Which block documents, by their own criteria and by those of their types and schemas."""

    block_documents: BlockDocumentFilter = Field(default_factory=BlockDocumentFilter)
    block_types: BlockTypeFilter | None = None
    block_schemas: BlockSchemaFilter | None = None


class BlockDocumentQuery(BlockDocumentCount):
    """Which block documents, in which order, which part of the list, and how to show them."""

    include_secrets: bool = False
    sort: BlockDocumentSort = BlockDocumentSort.NAME_ASC
    limit: int | None = None
    offset: Offset = 0
