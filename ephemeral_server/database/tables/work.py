"""Deployments, work pools and their queues."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text

from ephemeral_server.database.tables.base import identity, metadata, reference
from ephemeral_server.database.types import Id, Instant, Json, Name

work_pool = Table(
    "work_pool",
    metadata,
    *identity(),
    Column("name", Name, nullable=False, unique=True),
    Column("description", Text),
    Column("type", Text, nullable=False),
    Column("base_job_template", Json, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("concurrency_limit", Integer),
    # No foreign key: a pool and its default queue are made together.
    Column("default_queue_id", Id),
)

work_queue = Table(
    "work_queue",
    metadata,
    *identity(),
    Column("name", Name, nullable=False),
    Column("description", Text),
    Column("is_paused", Boolean, nullable=False),
    Column("concurrency_limit", Integer),
    Column("priority", Integer, nullable=False),
    Column("last_polled", Instant),
    reference("work_pool_id", "work_pool", on_delete="CASCADE", required=True),
    Index("uq_work_queue_work_pool_id_name", "work_pool_id", "name", unique=True),
)

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
    Column("job_variables", Json, nullable=False),
    Column("work_queue_name", Text),
    reference("flow_id", "flow", on_delete="CASCADE", required=True),
    reference("work_queue_id", "work_queue", on_delete="SET NULL"),
    reference("concurrency_limit_id", "concurrency_limit", on_delete="SET NULL"),
    Column("concurrency_options", Json),
    Index("uq_deployment_flow_id_name", "flow_id", "name", unique=True),
    Index("ix_deployment_work_queue_id", "work_queue_id"),
    Index("ix_deployment_concurrency_limit_id", "concurrency_limit_id"),
)
