"""Variables on the wire."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from ephemeral_server.database.filters import AnyLike, AnyOf, EntityFilter, TagsAll
from ephemeral_server.database.operators import On
from ephemeral_server.database.tables import variable
from ephemeral_server.fields import NOT_NULL, Offset, Storable
from ephemeral_server.http.body import QueryBody, StrictBody
from ephemeral_server.variables.values import LONGEST_NAME, Name, Value


class Variable(BaseModel):
    """A variable as it is answered."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: Annotated[str, Field(max_length=LONGEST_NAME)]
    value: str | int | bool | float | dict[str, Any] | list[Any] | None
    tags: list[str] = Field(default_factory=list)


class VariableCreate(StrictBody):
    """A variable to make."""

    name: Name
    value: Value
    tags: list[Storable] = Field(default_factory=list)


class VariableUpdate(StrictBody):
    """What of a variable can be changed; each member that is there replaces the old one."""

    name: Annotated[Name | None, NOT_NULL] = None
    value: Value = None
    tags: Annotated[list[Storable] | None, NOT_NULL] = None


class VariableFilter(EntityFilter):
    """The criteria for variables."""

    id: Annotated[AnyOf[UUID] | None, On(variable.c.id)] = None
    name: Annotated[AnyLike | None, On(variable.c.name)] = None
    tags: Annotated[TagsAll | None, On(variable.c.tags)] = None


class VariableSort(str, Enum):
    """Orders of variables."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_DESC = "NAME_DESC"
    NAME_ASC = "NAME_ASC"


class VariableCount(QueryBody):
    """Which variables."""

    variables: VariableFilter | None = None


class VariableQuery(VariableCount):
    """Which variables, in which order, and which part of the list."""

    sort: VariableSort = VariableSort.NAME_ASC
    limit: int | None = None
    offset: Offset = 0
