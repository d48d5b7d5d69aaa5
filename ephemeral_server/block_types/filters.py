"""Which block types: the filter on the wire and its SQL."""

from __future__ import annotations

from typing import Annotated

from ephemeral_server.database.filters import AnyOf, Like, PlainFilter
from ephemeral_server.database.operators import On
from ephemeral_server.database.tables import block_type
from ephemeral_server.fields import Storable


class BlockTypeFilter(PlainFilter):
    """The criteria for block types."""

    name: Annotated[Like | None, On(block_type.c.name)] = None
    slug: Annotated[AnyOf[Storable] | None, On(block_type.c.slug)] = None
