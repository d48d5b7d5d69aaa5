"""Which block schemas: the filter on the wire and its SQL."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from ephemeral_server.database.filters import AllOf, AnyOf, EntityFilter
from ephemeral_server.database.operators import On
from ephemeral_server.database.tables import block_schema
from ephemeral_server.fields import Storable


class BlockSchemaFilter(EntityFilter):
    """The criteria for block schemas."""

    block_type_id: Annotated[AnyOf[UUID] | None, On(block_schema.c.block_type_id)] = None
    block_capabilities: Annotated[AllOf | None, On(block_schema.c.capabilities)] = None
    id: Annotated[AnyOf[UUID] | None, On(block_schema.c.id)] = None
    version: Annotated[AnyOf[Storable] | None, On(block_schema.c.version)] = None
