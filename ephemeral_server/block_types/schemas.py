"""Block types on the wire."""

from __future__ import annotations

import html
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel

from ephemeral_server.block_schemas.filters import BlockSchemaFilter
from ephemeral_server.block_types.filters import BlockTypeFilter
from ephemeral_server.fields import NameText, Offset, Storable, dashed
from ephemeral_server.http.body import QueryBody, StrictBody


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


#: What names a type in paths and in Python.
Slug = Annotated[str, dashed("Block type slug")]
#: A URL, which the server does not look into.
Url = Annotated[Storable, AfterValidator(str.strip)]
#: Text that can be put into a page; clients take the escapes out again.
EscapedText = Annotated[Storable, AfterValidator(_escaped)]


class BlockTypeUpdate(StrictBody):
    """How a block type is presented; each member that is there replaces the old one."""

    logo_url: Url | None = None
    documentation_url: Url | None = None
    description: Storable | None = None
    code_example: Storable | None = None


class BlockTypeCreate(StrictBody):
    """A block type to make."""

    name: NameText
    slug: Slug
    logo_url: Url | None = None
    documentation_url: Url | None = None
    description: EscapedText | None = None
    code_example: EscapedText | None = None


class BlockType(BaseModel):
    """A block type as it is answered.

    Attributes:
        is_protected: whether it cannot be deleted.
    """

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: NameText
    slug: str
    logo_url: str | None = None
    documentation_url: str | None = None
    description: str | None = None
    code_example: str | None = None
    is_protected: bool = False


class BlockTypeQuery(QueryBody):
    """Which block types, and which part of the list."""

    block_types: BlockTypeFilter | None = None
    block_schemas: BlockSchemaFilter | None = None
    limit: int | None = None
    offset: Offset = 0
