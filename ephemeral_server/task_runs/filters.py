"""Which task runs: the filter on the wire and its SQL."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator
from sqlalchemy import exists, true

from ephemeral_server.database.filters import (
    AnyLike,
    AnyNull,
    AnyOf,
    Between,
    BetweenNull,
    Criterion,
    EntityFilter,
    TagsAll,
    given,
)
from ephemeral_server.database.operators import Clause, On
from ephemeral_server.database.tables import flow_run, task_run
from ephemeral_server.fields import Storable
from ephemeral_server.orchestration.states import StateType

_subflow_run = flow_run.alias()


class TaskRunFilterState(EntityFilter):
    """The state a run is in. A part without an operator is as if it were not there."""

    type: Annotated[AnyOf[StateType] | None, On(task_run.c.state_type), AfterValidator(given)] = (
        None
    )
    name: Annotated[AnyOf[Storable] | None, On(task_run.c.state_name), AfterValidator(given)] = None


class TaskRunFilterSubFlowRuns(Criterion):
    """Whether a run stands for a subflow in its parent flow run."""

    exists_: bool | None = None

    def clause(self, on: On, dialect: str) -> Clause:
        if self.exists_ is None:
            return true()
        found = exists().where(_subflow_run.c.parent_task_run_id == on.column).correlate(task_run)
        return found if self.exists_ else ~found


class TaskRunFilterFlowRunId(AnyNull[UUID]):
    """The flow run of a run; without any operator: runs that belong to a flow run."""

    is_null_: bool | None = False

    def clause(self, on: On, dialect: str) -> Clause:
        # Asking for runs without a flow run outdoes a list of flow runs; the default of
        # `is_null_` only counts where there is no list.
        if self.is_null_:
            return on.column.is_(None)
        if self.any_ is not None:
            return AnyOf[UUID](any_=self.any_).clause(on, dialect)
        return true() if self.is_null_ is None else on.column.is_not(None)


class TaskRunFilter(EntityFilter):
    """The criteria for task runs."""

    id: Annotated[AnyOf[UUID] | None, On(task_run.c.id)] = None
    name: Annotated[AnyLike | None, On(task_run.c.name)] = None
    tags: Annotated[TagsAll | None, On(task_run.c.tags)] = None
    state: TaskRunFilterState | None = None
    start_time: Annotated[BetweenNull | None, On(task_run.c.start_time)] = None
    end_time: Annotated[BetweenNull | None, On(task_run.c.end_time)] = None
    expected_start_time: Annotated[Between | None, On(task_run.c.expected_start_time)] = None
    subflow_runs: Annotated[TaskRunFilterSubFlowRuns | None, On(task_run.c.id)] = None
    flow_run_id: Annotated[TaskRunFilterFlowRunId | None, On(task_run.c.flow_run_id)] = None

    def criterion_clause(
        self, name: str, criterion: Any, on: On | None, dialect: str
    ) -> Clause | None:
        if isinstance(criterion, TaskRunFilterState):
            return criterion.clause(dialect)
        return super().criterion_clause(name, criterion, on, dialect)
