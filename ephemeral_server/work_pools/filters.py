"""Which work pools and which of their queues: the filters on the wire and their SQL."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from ephemeral_server.database.filters import AnyOf, AnyStartsWith, EntityFilter
from ephemeral_server.database.operators import On
from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.fields import Storable


class WorkPoolFilter(EntityFilter):
    """The criteria for work pools."""

    id: Annotated[AnyOf[UUID] | None, On(work_pool.c.id)] = None
    name: Annotated[AnyOf[Storable] | None, On(work_pool.c.name)] = None
    type: Annotated[AnyOf[Storable] | None, On(work_pool.c.type)] = None


class WorkQueueFilter(EntityFilter):
    """The criteria for work queues."""

    id: Annotated[AnyOf[UUID] | None, On(work_queue.c.id)] = None
    name: Annotated[AnyStartsWith | None, On(work_queue.c.name)] = None
