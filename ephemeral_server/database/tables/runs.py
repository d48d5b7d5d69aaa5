"""Flows, flow runs, task runs, and the states they went through."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    Table,
    Text,
    cast,
    func,
    text,
)
from sqlalchemy.dialects import postgresql

from ephemeral_server.database.tables.base import (
    ONLY_POSTGRESQL,
    ONLY_SQLITE,
    identity,
    index_of_few,
    metadata,
    nulls_lowest,
    reference,
)
from ephemeral_server.database.types import Duration, Id, Instant, Json, Name

flow = Table(
    "flow",
    metadata,
    *identity(),
    Column("name", Name, nullable=False, unique=True),
    Column("tags", Json, nullable=False),
    Column("labels", Json),
)


def _run_columns() -> list[Column[object]]:
    """What flow runs and task runs have in common; states write the second half."""
    return [
        Column("name", Name, nullable=False),
        Column("tags", Json, nullable=False),
        Column("labels", Json),
        Column("empirical_policy", Json, nullable=False),
        Column("state_id", Id),
        Column("state_type", Text),
        Column("state_name", Text),
        Column("state_timestamp", Instant),
        Column("run_count", BigInteger, nullable=False),
        Column("expected_start_time", Instant),
        Column("next_scheduled_start_time", Instant),
        Column("start_time", Instant),
        Column("end_time", Instant),
        Column("total_run_time", Duration, nullable=False),
    ]


def _index(first: ColumnElement[Any], *further: Column[Any], name: str | None = None) -> None:
    """An index called by its first column that sorts as listings do, see `nulls_lowest`."""
    (table,) = (column.table for column in further[:1] or (first,))
    name = name or f"ix_{table.name}_{first.name}"
    Index(name, nulls_lowest(first), *further)


flow_run = Table(
    "flow_run",
    metadata,
    *identity(),
    reference("flow_id", "flow", on_delete="CASCADE", required=True),
    *_run_columns(),
    # No foreign key: a run outlives its deployment and keeps its id.
    Column("deployment_id", Id),
    Column("deployment_version", Text),
    # The schedule that the run was planned by; no foreign key, as above.
    Column("schedule_id", Id),
    Column("flow_version", Text),
    Column("work_queue_name", Text),
    reference("work_queue_id", "work_queue", on_delete="SET NULL"),
    Column("parameters", Json, nullable=False),
    Column("idempotency_key", Text),
    Column("context", Json, nullable=False),
    reference("parent_task_run_id", "task_run", on_delete="SET NULL", circular=True),
    Column("auto_scheduled", Boolean, nullable=False),
    reference("infrastructure_document_id", "block_document", on_delete="SET NULL"),
    Column("infrastructure_pid", Text),
    Column("created_by", Json),
    Column("job_variables", Json),
    Index("uq_flow_run_flow_id_idempotency_key", "flow_id", "idempotency_key", unique=True),
    index_of_few("flow_run", "infrastructure_document_id"),
)

task_run = Table(
    "task_run",
    metadata,
    *identity(),
    reference("flow_run_id", "flow_run", on_delete="CASCADE"),
    *_run_columns(),
    Column("task_key", Text, nullable=False),
    Column("dynamic_key", Text, nullable=False),
    Column("cache_key", Text),
    Column("cache_expiration", Instant),
    Column("task_version", Text),
    Column("flow_run_run_count", Integer, nullable=False),
    Column("task_inputs", Json, nullable=False),
)

#: When a flow run began or, before that, when it should.
STARTED = func.coalesce(flow_run.c.start_time, flow_run.c.expected_start_time)

#: Written out, since SQLite takes the index of these runs for no condition with parameters.
NOT_ENDED = text("state_type NOT IN ('CANCELLED', 'COMPLETED', 'CRASHED', 'FAILED')")

# A listing finds the ids of its page in one index and reads no other row, see
# `ephemeral_server.database.pages`: where few rows fit, in the index of what it is filtered by,
# otherwise in that of its order, which holds what runs are filtered by most.
for _run in (flow_run, task_run):
    _index(_run.c.state_type, _run.c.id)
    _index(_run.c.state_name, _run.c.id)
    _index(_run.c.end_time, _run.c.id)
    _index(_run.c.next_scheduled_start_time, _run.c.id)
    _index(_run.c.name, _run.c.id)

_C = flow_run.c
# These never change, so that they cost little; states are looked up in the rows.
_FILTERED = (_C.flow_id, _C.deployment_id)
_TIMES = (_C.start_time, _C.expected_start_time)
_index(_C.flow_id, _C.id)
_index(_C.deployment_id, _C.id)
_index(_C.id, *_FILTERED, *_TIMES)
_index(STARTED, _C.id, *_FILTERED, *_TIMES, name="ix_flow_run_started")
_index(_C.expected_start_time, _C.id, *_FILTERED, _C.start_time)
# What a history sums up, of the runs that `summaries` leaves out.
Index(
    "ix_flow_run_not_ended",
    _C.expected_start_time,
    _C.state_type,
    _C.state_name,
    _C.flow_id,
    _C.start_time,
    _C.state_timestamp,
    _C.total_run_time,
    sqlite_where=NOT_ENDED,
    info=ONLY_SQLITE,
)
# What services look for every few seconds.
Index(
    "ix_flow_run_not_begun",
    flow_run.c.state_type,
    flow_run.c.next_scheduled_start_time,
    sqlite_where=text("state_name = 'Scheduled'"),
    postgresql_where=text("state_name = 'Scheduled'"),
)
Index(
    "ix_flow_run_subflow_state_type",
    flow_run.c.state_type,
    sqlite_where=text("parent_task_run_id IS NOT NULL"),
    postgresql_where=text("parent_task_run_id IS NOT NULL"),
)
# What comes next of each flow.
Index(
    "ix_flow_run_next",
    _C.flow_id,
    _C.next_scheduled_start_time,
    _C.id,
    sqlite_where=_C.next_scheduled_start_time.is_not(None),
    postgresql_where=_C.next_scheduled_start_time.is_not(None),
)
_index(_C.work_queue_id, _C.id)
# What runners and workers ask for, and what they have: few of all runs.
for _owner, _states, _name in (
    (_C.deployment_id, "= 'SCHEDULED'", "ix_flow_run_scheduled_deployment_id"),
    (_C.work_queue_id, "= 'SCHEDULED'", "ix_flow_run_scheduled_work_queue_id"),
    (_C.schedule_id, "= 'SCHEDULED'", "ix_flow_run_scheduled_schedule_id"),
    (_C.work_queue_id, "IN ('PENDING', 'RUNNING', 'CANCELLING')", "ix_flow_run_busy"),
):
    _where = text(f"state_type {_states} AND {_owner.name} IS NOT NULL")
    _second = _C.state_type if _name == "ix_flow_run_busy" else _C.next_scheduled_start_time
    Index(_name, _owner, _second, _C.id, sqlite_where=_where, postgresql_where=_where)
# Runs whose queue is known by its name alone: it has been deleted, or was not there.
_where = text("work_queue_id IS NULL AND work_queue_name IS NOT NULL")
Index(
    "ix_flow_run_queue_by_name",
    _C.work_queue_name,
    _C.state_type,
    _C.next_scheduled_start_time,
    _C.id,
    sqlite_where=_where,
    postgresql_where=_where,
)
_index(_C.parent_task_run_id)
# PostgreSQL finds tags by this; for SQLite see `summaries`.
Index(
    "ix_flow_run_tags",
    cast(_C.tags, postgresql.JSONB),
    postgresql_using="gin",
    info=ONLY_POSTGRESQL,
)

_index(task_run.c.expected_start_time, task_run.c.id)
_index(task_run.c.start_time)
Index(
    "uq_task_run_flow_run_id_task_key_dynamic_key",
    task_run.c.flow_run_id,
    task_run.c.task_key,
    task_run.c.dynamic_key,
    unique=True,
)
# NULLs never collide in a unique index, so runs outside a flow run have one of their own.
Index(
    "uq_task_run_task_key_dynamic_key",
    task_run.c.task_key,
    task_run.c.dynamic_key,
    unique=True,
    sqlite_where=text("flow_run_id IS NULL"),
    postgresql_where=text("flow_run_id IS NULL"),
)


def _state_columns() -> list[Column[object]]:
    return [
        Column("id", Id, primary_key=True),
        Column("timestamp", Instant, nullable=False),
        Column("type", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("message", Text),
        Column("state_details", Json, nullable=False),
        Column("data", Json),
        reference("result_artifact_id", "artifact", on_delete="SET NULL"),
    ]


flow_run_state = Table(
    "flow_run_state",
    metadata,
    reference("flow_run_id", "flow_run", on_delete="CASCADE", required=True),
    *_state_columns(),
    Index("uq_flow_run_state_flow_run_id_timestamp", "flow_run_id", "timestamp", unique=True),
    Index("ix_flow_run_state_result_artifact_id", "result_artifact_id"),
)

task_run_state = Table(
    "task_run_state",
    metadata,
    reference("task_run_id", "task_run", on_delete="CASCADE", required=True),
    *_state_columns(),
    Index("uq_task_run_state_task_run_id_timestamp", "task_run_id", "timestamp", unique=True),
    Index("ix_task_run_state_result_artifact_id", "result_artifact_id"),
)

task_run_state_cache = Table(
    "task_run_state_cache",
    metadata,
    *identity(),
    Column("cache_key", Text, nullable=False),
    Column("cache_expiration", Instant),
    Column("task_run_state_id", Id, nullable=False),
    Index("ix_task_run_state_cache_cache_key_created", "cache_key", "created"),
)

# Deferred task runs that no task worker has taken yet.
task_run_delivery = Table(
    "task_run_delivery",
    metadata,
    reference("task_run_id", "task_run", on_delete="CASCADE", primary_key=True),
    Column("task_key", Text, nullable=False),
    # False goes first: the run was delivered before, or it awaits a retry.
    Column("first_time", Boolean, nullable=False),
    Column("enqueued", Instant, nullable=False),
    # Who was sent the run and has not answered yet; from `free_from` on others may have it.
    Column("claimed_by", Id),
    Column("free_from", Instant, nullable=False),
    Index("ix_task_run_delivery_order", "task_key", "first_time", "enqueued", "task_run_id"),
)

flow_run_input = Table(
    "flow_run_input",
    metadata,
    *identity(),
    reference("flow_run_id", "flow_run", on_delete="CASCADE", required=True),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("sender", Text),
    Index("uq_flow_run_input_flow_run_id_key", "flow_run_id", "key", unique=True),
)
