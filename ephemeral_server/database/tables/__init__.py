"""The tables of the database."""

from __future__ import annotations

from ephemeral_server.database.tables.base import metadata
from ephemeral_server.database.tables.blocks import (
    block_document,
    block_document_reference,
    block_schema,
    block_type,
)
from ephemeral_server.database.tables.deployments import deployment, deployment_schedule
from ephemeral_server.database.tables.limits import (
    concurrency_lease,
    concurrency_lease_limit,
    concurrency_limit,
)
from ephemeral_server.database.tables.records import (
    artifact,
    artifact_collection,
    configuration,
    event,
    event_resource,
    log,
    saved_search,
    variable,
)
from ephemeral_server.database.tables.runs import (
    flow,
    flow_run,
    flow_run_input,
    flow_run_state,
    task_run,
    task_run_delivery,
    task_run_state,
    task_run_state_cache,
)
from ephemeral_server.database.tables.summaries import (
    flow_run_count,
    flow_run_ended,
    flow_run_tag,
    flow_run_tag_count,
)
from ephemeral_server.database.tables.work import (
    cleanup_message,
    flow_run_claim,
    work_pool,
    work_queue,
    worker,
)

__all__ = [
    "artifact",
    "artifact_collection",
    "block_document",
    "block_document_reference",
    "block_schema",
    "block_type",
    "cleanup_message",
    "concurrency_lease",
    "concurrency_lease_limit",
    "concurrency_limit",
    "configuration",
    "deployment",
    "deployment_schedule",
    "event",
    "event_resource",
    "flow",
    "flow_run",
    "flow_run_claim",
    "flow_run_count",
    "flow_run_ended",
    "flow_run_input",
    "flow_run_state",
    "flow_run_tag",
    "flow_run_tag_count",
    "log",
    "metadata",
    "saved_search",
    "task_run",
    "task_run_delivery",
    "task_run_state",
    "task_run_state_cache",
    "variable",
    "work_pool",
    "work_queue",
    "worker",
]
