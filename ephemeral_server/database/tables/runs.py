"""Flows, flow runs, task runs, and the states they went through."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, func, text

from ephemeral_server.database.tables.base import identity, metadata, reference
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


flow_run = Table(
    "flow_run",
    metadata,
    *identity(),
    reference("flow_id", "flow", on_delete="CASCADE", required=True),
    *_run_columns(),
    # No foreign key: a run outlives its deployment and keeps its id.
    Column("deployment_id", Id),
    Column("deployment_version", Text),
    Column("flow_version", Text),
    Column("work_queue_name", Text),
    reference("work_queue_id", "work_queue", on_delete="SET NULL"),
    Column("parameters", Json, nullable=False),
    Column("idempotency_key", Text),
    Column("context", Json, nullable=False),
    reference("parent_task_run_id", "task_run", on_delete="SET NULL", circular=True),
    Column("auto_scheduled", Boolean, nullable=False),
    Column("infrastructure_document_id", Id),
    Column("infrastructure_pid", Text),
    Column("created_by", Json),
    Column("job_variables", Json),
    Index("uq_flow_run_flow_id_idempotency_key", "flow_id", "idempotency_key", unique=True),
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

for _run in (flow_run, task_run):
    Index(None, _run.c.state_type, _run.c.id)
    Index(None, _run.c.state_name)
    Index(None, _run.c.start_time)
    Index(None, _run.c.end_time)
    Index(None, _run.c.expected_start_time)
    Index(None, _run.c.next_scheduled_start_time)
    Index(None, _run.c.name)
Index("ix_flow_run_deployment_id", flow_run.c.deployment_id)
Index("ix_flow_run_work_queue_id", flow_run.c.work_queue_id)
Index("ix_flow_run_parent_task_run_id", flow_run.c.parent_task_run_id)
Index(
    "ix_flow_run_started",
    func.coalesce(flow_run.c.start_time, flow_run.c.expected_start_time),
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
