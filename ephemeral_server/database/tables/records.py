"""What runs leave behind: logs, artifacts, events; and what the server remembers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from ephemeral_server.database.tables.base import identity, index_of_few, metadata
from ephemeral_server.database.types import Id, Instant, Json, Name

# Logs and artifacts name runs without foreign keys: they may arrive before the run does
# and stay when it goes.

log = Table(
    "log",
    metadata,
    *identity(),
    Column("name", Text, nullable=False),
    Column("level", BigInteger, nullable=False),
    Column("flow_run_id", Id),
    Column("task_run_id", Id),
    Column("message", Text, nullable=False),
    Column("timestamp", Instant, nullable=False),
    Index("ix_log_flow_run_id_timestamp", "flow_run_id", "timestamp"),
    Index("ix_log_task_run_id_timestamp", "task_run_id", "timestamp"),
    Index("ix_log_timestamp", "timestamp"),
)

artifact = Table(
    "artifact",
    metadata,
    *identity(),
    Column("key", Text),
    Column("type", Text),
    Column("data", Json),
    Column("description", Text),
    Column("metadata_", Json),
    Column("flow_run_id", Id),
    Column("task_run_id", Id),
    # Which of a key's artifacts is the newest: ids tell. Results of runs, by far the most, have
    # neither a key nor a type.
    index_of_few("artifact", "key", "id"),
    # Walked in the order of listings that leave out results.
    index_of_few("artifact", "type", before=("id",)),
    Index("ix_artifact_flow_run_id", "flow_run_id"),
    Index("ix_artifact_task_run_id", "task_run_id"),
    Index("ix_artifact_updated", "updated"),
)

artifact_collection = Table(
    "artifact_collection",
    metadata,
    *identity(),
    Column("key", Text, nullable=False, unique=True),
    Column("latest_id", Id, nullable=False),
    Column("type", Text),
    Column("data", Json),
    Column("description", Text),
    Column("metadata_", Json),
    Column("flow_run_id", Id),
    Column("task_run_id", Id),
    Index("ix_artifact_collection_latest_id", "latest_id"),
)

event = Table(
    "event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("occurred", Instant, nullable=False),
    Column("event", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("resource", Json, nullable=False),
    Column("related", Json, nullable=False),
    Column("payload", Json, nullable=False),
    Column("received", Instant, nullable=False),
    Column("recorded", Instant, nullable=False),
    Column("follows", Id),
    Index("ix_event_occurred", "occurred", "id"),
    Index("ix_event_event_occurred", "event", "occurred"),
)

event_resource = Table(
    "event_resource",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("position", Integer, primary_key=True),  # 0 is the primary resource
    Column("occurred", Instant, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("resource_role", Text, nullable=False),  # empty for the primary resource
    Column("resource", Json, nullable=False),
    Index("ix_event_resource_resource_id_occurred", "resource_id", "occurred"),
    Index("ix_event_resource_occurred", "occurred"),
)

saved_search = Table(
    "saved_search",
    metadata,
    *identity(),
    Column("name", Name, nullable=False, unique=True),
    Column("filters", Json, nullable=False),
)

variable = Table(
    "variable",
    metadata,
    *identity(),
    Column("name", Name, nullable=False, unique=True),
    Column("value", Json, nullable=False),
    Column("tags", Json, nullable=False),
)

configuration = Table(
    "configuration",
    metadata,
    *identity(),
    Column("key", Text, nullable=False, unique=True),
    Column("value", Json, nullable=False),
)
