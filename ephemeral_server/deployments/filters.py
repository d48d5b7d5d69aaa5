"""Which deployments: the filter on the wire and its SQL."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator
from sqlalchemy import or_, select

from ephemeral_server.database.filters import (
    AnyLike,
    AnyNotAny,
    AnyOf,
    AtLeastAtMost,
    EntityFilter,
    Equals,
    Like,
    Tags,
)
from ephemeral_server.database.operators import Clause, On
from ephemeral_server.database.tables import deployment, flow
from ephemeral_server.fields import Storable

_flow = flow.alias()


class FlowOrDeploymentName(Like):
    """Deployments that have this in their own name or in that of their flow."""

    def clause(self, on: On, dialect: str) -> Clause:
        own = super().clause(on, dialect)
        if not self.like_:
            return own
        flows = select(_flow.c.id).where(super().clause(On(_flow.c.name), dialect))
        return or_(own, deployment.c.flow_id.in_(flows))


class DeploymentFilterConcurrencyLimit(AtLeastAtMost):
    """No longer means anything, but clients may send it."""

    is_null_: bool | None = None


def _ignored(criterion: Any) -> None:
    return None


class DeploymentFilter(EntityFilter):
    """The criteria for deployments."""

    id: Annotated[AnyNotAny[UUID] | None, On(deployment.c.id)] = None
    name: Annotated[AnyLike | None, On(deployment.c.name)] = None
    flow_or_deployment_name: Annotated[FlowOrDeploymentName | None, On(deployment.c.name)] = None
    paused: Annotated[Equals | None, On(deployment.c.paused)] = None
    tags: Annotated[Tags | None, On(deployment.c.tags)] = None
    work_queue_name: Annotated[AnyOf[Storable] | None, On(deployment.c.work_queue_name)] = None
    concurrency_limit: Annotated[
        DeploymentFilterConcurrencyLimit | None, AfterValidator(_ignored)
    ] = None
