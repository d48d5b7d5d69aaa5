"""Logs on the wire."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import and_, or_
from typing_extensions import NotRequired, TypedDict

from ephemeral_server.database.filters import AnyOf, AtLeastAtMost, Between, Criterion
from ephemeral_server.database.operators import Clause, On
from ephemeral_server.database.predicates import LiveFilter, Source, joined
from ephemeral_server.database.tables import log
from ephemeral_server.fields import STORABLE, IdText, Instant, Integer, Offset
from ephemeral_server.http.body import QueryBody, StrictBody
from ephemeral_server.logs.search import parse

#: Where a text search looks.
SEARCHED = log.c.message.concat(" ").concat(log.c.name)


class Log(BaseModel):
    """A log as it is answered."""

    id: UUID
    created: datetime | None
    updated: datetime | None
    name: str
    level: int
    message: str
    timestamp: datetime
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class LogCreate(TypedDict):
    """A log to keep. The runs it names need not be there.

    Logs come by the thousand, and a dictionary is validated in half the time of a model.
    """

    # Read by pydantic; no key of the dictionary, for which it is taken.
    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    name: str
    level: Integer
    message: str
    timestamp: Instant
    flow_run_id: NotRequired[IdText | None]
    task_run_id: NotRequired[IdText | None]


class LogFilterTaskRunId(Criterion):
    """The task run of a log; logs of a flow itself have none."""

    any_: list[UUID] | None = None
    is_null_: bool | None = None


class LogFilterTextSearch(StrictBody):
    """A search in the text, see `ephemeral_server.logs.search`."""

    query: Annotated[str, StringConstraints(max_length=200), STORABLE]


class LogFilter(LiveFilter):
    """The criteria for logs."""

    level: Annotated[AtLeastAtMost | None, On(log.c.level)] = None
    timestamp: Annotated[Between | None, On(log.c.timestamp)] = None
    flow_run_id: Annotated[AnyOf[UUID] | None, On(log.c.flow_run_id)] = None
    task_run_id: Annotated[LogFilterTaskRunId | None, On(log.c.task_run_id)] = None
    text: LogFilterTextSearch | None = None

    def criterion_clause(
        self, name: str, criterion: Any, on: On | None, dialect: str
    ) -> Clause | None:
        if not isinstance(criterion, LogFilterTextSearch):
            return super().criterion_clause(name, criterion, on, dialect)
        groups = parse(criterion.query).clauses(SEARCHED)
        if not groups:
            return None
        # Each kind of terms counts as a criterion of its own.
        return or_(*groups) if self.takes_any else and_(*groups)

    def criterion_test(self, criterion: Any, on: On | None, source: Source) -> str | None:
        if not isinstance(criterion, LogFilterTextSearch):
            return super().criterion_test(criterion, on, source)
        searched = f"{source.column('message')} + ' ' + {source.column('name')}"
        groups = [source.constant(test) for test in parse(criterion.query).tests()]
        if not groups:
            return None
        return joined([f"{test}({searched})" for test in groups], takes_any=self.takes_any)


class LogSort(str, Enum):
    """Orders of logs."""

    TIMESTAMP_ASC = "TIMESTAMP_ASC"
    TIMESTAMP_DESC = "TIMESTAMP_DESC"


class LogQuery(QueryBody):
    """Which logs, in which order, and which part of the list."""

    logs: LogFilter | None = None
    sort: LogSort = LogSort.TIMESTAMP_ASC
    limit: int | None = None
    offset: Offset = 0
