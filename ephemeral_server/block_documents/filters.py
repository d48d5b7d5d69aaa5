"""Which block documents: the filter on the wire and its SQL."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from ephemeral_server.database.filters import AnyLike, AnyOf, EntityFilter, Equals
from ephemeral_server.database.operators import On
from ephemeral_server.database.tables import block_document


class BlockDocumentFilter(EntityFilter):
    """The criteria for block documents; anonymous ones only fit if that is asked for."""

    id: Annotated[AnyOf[UUID] | None, On(block_document.c.id)] = None
    is_anonymous: Annotated[Equals | None, On(block_document.c.is_anonymous)] = Equals(eq_=False)
    block_type_id: Annotated[AnyOf[UUID] | None, On(block_document.c.block_type_id)] = None
    name: Annotated[AnyLike | None, On(block_document.c.name)] = None
