"""Work pools, their queues, the workers that serve them, and what is handed to workers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

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
    Column("storage_configuration", Json, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("concurrency_limit", BigInteger),
    Column("status", Text, nullable=False),
    # The event that told of the present status, and when; a pool that is new has told nothing.
    Column("status_event_id", Id),
    Column("status_since", Instant),
    # No foreign key: a pool and its default queue are made together.
    Column("default_queue_id", Id),
)

work_queue = Table(
    "work_queue",
    metadata,
    *identity(),
    Column("name", Name, nullable=False),
    Column("description", Text, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("concurrency_limit", BigInteger),
    Column("priority", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("last_polled", Instant),
    # Of old clients: which runs wait in it, by their tags and deployments.
    Column("filter", Json),
    reference("work_pool_id", "work_pool", on_delete="CASCADE", required=True),
    Index("uq_work_queue_work_pool_id_name", "work_pool_id", "name", unique=True),
)

worker = Table(
    "worker",
    metadata,
    *identity(),
    Column("name", Name, nullable=False),
    Column("status", Text, nullable=False),
    Column("last_heartbeat_time", Instant, nullable=False),
    # Seconds.
    Column("heartbeat_interval_seconds", Integer),
    reference("work_pool_id", "work_pool", on_delete="CASCADE", required=True),
    Index("uq_worker_work_pool_id_name", "work_pool_id", "name", unique=True),
)

# Scheduled flow runs that a worker was given and has not begun yet: until then, and as long as
# the run's state is the same, no other worker is given them.
flow_run_claim = Table(
    "flow_run_claim",
    metadata,
    reference("flow_run_id", "flow_run", on_delete="CASCADE", primary_key=True),
    Column("state_id", Id, nullable=False),
    Column("until", Instant, nullable=False),
    Index("ix_flow_run_claim_until", "until"),
)

# What workers are to clean up after runs that did not end by themselves.
cleanup_message = Table(
    "cleanup_message",
    metadata,
    *identity(),
    reference("work_pool_id", "work_pool", on_delete="CASCADE", required=True),
    # No foreign key: a message outlives its queue, and any worker of the pool may have it.
    Column("work_queue_id", Id),
    Column("kind", Text, nullable=False),
    Column("target", Json, nullable=False),
    Column("data", Json, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    # READY, RESERVED, DONE or DEAD.
    Column("status", Text, nullable=False),
    Column("delivery_count", Integer, nullable=False),
    # Of the delivery that is under way; whoever knows the token may answer for it.
    Column("reservation_token", Text),
    Column("reserved_by", Text),
    Column("lease_expires_at", Instant),
    Index(
        "uq_cleanup_message_work_pool_id_idempotency_key",
        "work_pool_id",
        "idempotency_key",
        unique=True,
    ),
    Index("ix_cleanup_message_status", "status", "work_pool_id", "created"),
)
