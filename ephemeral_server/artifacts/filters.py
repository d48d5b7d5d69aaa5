"""Which artifacts: the filters on the wire and their SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar
from uuid import UUID

from sqlalchemy import and_

from ephemeral_server.database.filters import AnyNotAny, AnyOf, Criterion, EntityFilter
from ephemeral_server.database.operators import OPERATORS, Clause, On
from ephemeral_server.database.tables import artifact, artifact_collection
from ephemeral_server.fields import Pattern, Storable

_A, _C = artifact.c, artifact_collection.c


class ArtifactFilterKey(Criterion):
    """The key of an artifact, if it has one."""

    any_: list[Storable] | None = None
    like_: Pattern | None = None
    exists_: bool | None = None

    SPECIAL: ClassVar[dict[str, Callable[[On, Any, str], Clause]]] = {
        "exists_": lambda on, value, dialect: OPERATORS["is_null_"](on, not value, dialect)
    }


class ArtifactFilterType(AnyNotAny[Storable]):
    """The type of an artifact; one without any fits no list, not even those of others."""

    SPECIAL: ClassVar[dict[str, Callable[[On, Any, str], Clause]]] = {
        # Said aloud, so that the index of artifacts with a type is known to serve.
        "not_any_": lambda on, types, dialect: and_(
            on.column.is_not(None), OPERATORS["not_any_"](on, types, dialect)
        )
    }


class ArtifactFilter(EntityFilter):
    """The criteria for artifacts."""

    id: Annotated[AnyOf[UUID] | None, On(_A.id)] = None
    key: Annotated[ArtifactFilterKey | None, On(_A.key)] = None
    flow_run_id: Annotated[AnyOf[UUID] | None, On(_A.flow_run_id)] = None
    task_run_id: Annotated[AnyOf[UUID] | None, On(_A.task_run_id)] = None
    type: Annotated[ArtifactFilterType | None, On(_A.type)] = None


class ArtifactCollectionFilter(EntityFilter):
    """The criteria for collections, by the latest artifact of each."""

    latest_id: Annotated[AnyOf[UUID] | None, On(_C.latest_id)] = None
    key: Annotated[ArtifactFilterKey | None, On(_C.key)] = None
    flow_run_id: Annotated[AnyOf[UUID] | None, On(_C.flow_run_id)] = None
    task_run_id: Annotated[AnyOf[UUID] | None, On(_C.task_run_id)] = None
    type: Annotated[ArtifactFilterType | None, On(_C.type)] = None
