"""Deployments and their schedules."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, text

from ephemeral_server.database.tables.base import identity, index_of_few, metadata, reference
from ephemeral_server.database.types import Instant, Json, Name

deployment = Table(
    "deployment",
    metadata,
    *identity(),
    Column("name", Name, nullable=False),
    Column("version", Text),
    Column("description", Text),
    Column("paused", Boolean, nullable=False),
    Column("tags", Json, nullable=False),
    Column("labels", Json),
    Column("parameters", Json, nullable=False),
    Column("parameter_openapi_schema", Json),
    Column("enforce_parameter_schema", Boolean, nullable=False),
    Column("job_variables", Json, nullable=False),
    Column("pull_steps", Json),
    Column("path", Text),
    Column("entrypoint", Text),
    reference("storage_document_id", "block_document", on_delete="SET NULL"),
    reference("infrastructure_document_id", "block_document", on_delete="SET NULL"),
    Column("work_queue_name", Text),
    Column("status", Text, nullable=False),
    Column("last_polled", Instant),
    # Whether something has changed since runs were last planned.
    Column("to_be_planned", Boolean, nullable=False),
    reference("flow_id", "flow", on_delete="CASCADE", required=True),
    reference("work_queue_id", "work_queue", on_delete="SET NULL"),
    reference("concurrency_limit_id", "concurrency_limit", on_delete="SET NULL"),
    Column("concurrency_options", Json),
    Index("uq_deployment_flow_id_name", "flow_id", "name", unique=True),
    # Every poll of a queue looks through its deployments, however many, and for this alone.
    Index("ix_deployment_work_queue_id", "work_queue_id", "last_polled", "status"),
    Index("ix_deployment_concurrency_limit_id", "concurrency_limit_id"),
    index_of_few("deployment", "storage_document_id"),
    index_of_few("deployment", "infrastructure_document_id"),
    Index(
        "ix_deployment_to_be_planned",
        "id",
        sqlite_where=text("to_be_planned"),
        postgresql_where=text("to_be_planned"),
    ),
)

deployment_schedule = Table(
    "deployment_schedule",
    metadata,
    *identity(),
    reference("deployment_id", "deployment", on_delete="CASCADE", required=True),
    Column("slug", Text),
    Column("active", Boolean, nullable=False),
    Column("schedule", Json, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("max_scheduled_runs", Integer),
    Index("uq_deployment_schedule_deployment_id_slug", "deployment_id", "slug", unique=True),
)
