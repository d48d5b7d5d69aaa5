"""Which flow runs: the filter on the wire and its SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator
from sqlalchemy import cast, func, select, true
from sqlalchemy.dialects.postgresql import JSONB

from ephemeral_server.database.filters import (
    AnyLike,
    AnyNotAny,
    AnyNull,
    AnyOf,
    Between,
    BetweenNull,
    Criterion,
    EntityFilter,
    Operator,
    Tags,
    given,
)
from ephemeral_server.database.operators import Clause, On, is_in
from ephemeral_server.database.tables import flow_run, task_run
from ephemeral_server.database.tables.runs import STARTED
from ephemeral_server.fields import Storable
from ephemeral_server.orchestration.states import StateType

_parent = task_run.alias()


class FlowRunFilterState(EntityFilter):
    """The state a run is in. A part without an operator is as if it were not there."""

    type: Annotated[
        AnyNotAny[StateType] | None, On(flow_run.c.state_type), AfterValidator(given)
    ] = None
    name: Annotated[
        AnyNotAny[Storable] | None, On(flow_run.c.state_name), AfterValidator(given)
    ] = None


class FlowRunFilterParentFlowRunId(Criterion):
    """Runs that are direct subflows of one of these flow runs."""

    operator: Operator = Operator.and_
    any_: list[UUID] | None = None

    def clause(self, on: On, dialect: str) -> Clause:
        if self.any_ is None:
            return true()
        children = AnyOf[UUID](any_=self.any_).clause(On(_parent.c.flow_run_id), dialect)
        return on.column.in_(select(_parent.c.id).where(children))


class FlowRunFilterCreatedBy(Criterion):
    """Who made a run. Runs of nobody in particular have no id and no type."""

    operator: Operator = Operator.and_
    id_: list[UUID] | None = None
    type_: list[Storable] | None = None
    is_null_: bool | None = None

    SPECIAL: ClassVar[dict[str, Callable[[On, Any, str], Clause]]] = {
        "id_": lambda on, ids, dialect: is_in(_member(on, "id", dialect), ids, dialect),
        "type_": lambda on, types, dialect: is_in(_member(on, "type", dialect), types, dialect),
    }


class FlowRunFilter(EntityFilter):
    """The criteria for flow runs."""

    id: Annotated[AnyNotAny[UUID] | None, On(flow_run.c.id)] = None
    name: Annotated[AnyLike | None, On(flow_run.c.name)] = None
    tags: Annotated[Tags | None, On(flow_run.c.tags, listed=True)] = None
    deployment_id: Annotated[AnyNull[UUID] | None, On(flow_run.c.deployment_id)] = None
    # The name that the run was given, not that of the queue it is in.
    work_queue_name: Annotated[AnyNull[Storable] | None, On(flow_run.c.work_queue_name)] = None
    state: FlowRunFilterState | None = None
    flow_version: Annotated[AnyOf[Storable] | None, On(flow_run.c.flow_version)] = None
    start_time: Annotated[BetweenNull | None, On(STARTED, null=flow_run.c.start_time)] = None
    end_time: Annotated[BetweenNull | None, On(flow_run.c.end_time)] = None
    expected_start_time: Annotated[Between | None, On(flow_run.c.expected_start_time)] = None
    next_scheduled_start_time: Annotated[
        Between | None, On(flow_run.c.next_scheduled_start_time)
    ] = None
    parent_flow_run_id: Annotated[
        FlowRunFilterParentFlowRunId | None, On(flow_run.c.parent_task_run_id)
    ] = None
    parent_task_run_id: Annotated[AnyNull[UUID] | None, On(flow_run.c.parent_task_run_id)] = None
    idempotency_key: Annotated[AnyNotAny[Storable] | None, On(flow_run.c.idempotency_key)] = None
    created_by: Annotated[FlowRunFilterCreatedBy | None, On(flow_run.c.created_by)] = None

    def criterion_clause(
        self, name: str, criterion: Any, on: On | None, dialect: str
    ) -> Clause | None:
        if isinstance(criterion, FlowRunFilterState):
            return criterion.clause(dialect)
        return super().criterion_clause(name, criterion, on, dialect)


def _member(on: On, name: str, dialect: str) -> Any:
    """A member of the JSON object in a column, as text."""
    if dialect == "postgresql":
        return cast(on.column, JSONB)[name].astext
    return func.json_extract(on.column, f"$.{name}")
