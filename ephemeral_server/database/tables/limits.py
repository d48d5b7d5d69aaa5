"""Concurrency limits, and the leases that hold their slots."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Table, Text

from ephemeral_server.database.tables.base import identity, metadata, reference
from ephemeral_server.database.types import Id, Instant, Name

concurrency_limit = Table(
    "concurrency_limit",
    metadata,
    *identity(),
    Column("name", Name, nullable=False, unique=True),
    Column("active", Boolean, nullable=False),
    # Not "limit", which SQL knows as a word of its own.
    Column("slots", BigInteger, nullable=False),
    Column("active_slots", BigInteger, nullable=False),
    Column("denied_slots", BigInteger, nullable=False),
    Column("slot_decay_per_second", Float, nullable=False),
    Column("avg_slot_occupancy_seconds", Float, nullable=False),
    # From when the slots of each kind decay. Not "updated": what changes a limit would then lose
    # the part of a slot that has decayed since.
    Column("decays_from", Instant, nullable=False),
    Column("denied_decays_from", Instant, nullable=False),
)

concurrency_lease = Table(
    "concurrency_lease",
    metadata,
    *identity(),
    Column("expiration", Instant, nullable=False),
    # Of each of its limits.
    Column("slots", BigInteger, nullable=False),
    # Nobody, or a flow run, a task run or a deployment. No foreign key: see the log.
    Column("holder_type", Text),
    Column("holder_id", Id),
    Index("ix_concurrency_lease_expiration", "expiration"),
    Index("ix_concurrency_lease_holder_id", "holder_id"),
)

concurrency_lease_limit = Table(
    "concurrency_lease_limit",
    metadata,
    reference("lease_id", "concurrency_lease", on_delete="CASCADE", required=True),
    reference("limit_id", "concurrency_limit", on_delete="CASCADE", required=True),
    Index("uq_concurrency_lease_limit_lease_id_limit_id", "lease_id", "limit_id", unique=True),
    Index("ix_concurrency_lease_limit_limit_id", "limit_id"),
)
