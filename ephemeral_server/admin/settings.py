"""The server's settings as pages and tools read them.

The tree and its names are those of the reference server. What lets somebody in is starred;
durations are ISO 8601.
"""

from __future__ import annotations

import json
from datetime import timedelta
from importlib.resources import files
from typing import Any

from pydantic_core import to_json

from ephemeral_server.settings import Settings
from ephemeral_server.workers.cleanup.queue import BATCH as CLEANUP_BATCH

Tree = dict[str, Any]

STARS = "**********"


def settings_text(settings: Settings) -> str:
    """The tree of one server's settings as JSON."""
    return to_json(settings_tree(settings)).decode()


def settings_tree(settings: Settings) -> Tree:
    """The tree of one server's settings; durations are of `timedelta`.

    Settings of clients, and those of a server that mean nothing here, are in it with the values
    that they have by default: pages and tools expect them to be there.
    """
    foreign = json.loads(files(__package__).joinpath("foreign_settings.json").read_text())
    own = {**foreign.pop("server"), **_server(settings)}
    return {**foreign, "server": own}


def settings_schema() -> Tree:
    """The JSON schema of the tree."""
    return _schema(settings_tree(Settings()))


def _schema(value: Any) -> Tree:
    """The JSON schema of values like this one; null stands for anything."""
    if isinstance(value, dict):
        properties = {name: _schema(member) for name, member in value.items()}
        return {"type": "object", "properties": properties, "required": list(properties)}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, (int, float)):
        return {"type": "number"}
    if isinstance(value, timedelta):
        return {"type": "string", "format": "duration"}
    if isinstance(value, list):
        return {"type": "array", "items": {"type": "string"}}
    return {"type": "string"} if isinstance(value, str) else {}


def _server(settings: Settings) -> Tree:
    return {
        "api": {
            "host": settings.host,
            "port": settings.port,
            "base_path": settings.api_base_path,
            "auth_string": None if settings.auth_string is None else STARS,
            "default_limit": settings.default_limit,
            "max_parameter_size": settings.max_parameter_size,
            "csrf_protection_enabled": settings.csrf_protection,
            "csrf_token_expiration": timedelta(seconds=settings.csrf_token_seconds),
            "cors_allowed_origins": settings.cors_origins,
            "cors_allowed_methods": settings.cors_methods,
            "cors_allowed_headers": settings.cors_headers,
        },
        "concurrency": {
            "initial_deployment_lease_duration": settings.initial_deployment_lease_seconds,
            "maximum_concurrency_slot_wait_seconds": settings.maximum_slot_wait_seconds,
        },
        "database": _database(settings),
        "deployment_schedule_max_scheduled_runs": settings.max_scheduled_runs,
        "deployments": {"concurrency_slot_wait_seconds": settings.deployment_slot_wait_seconds},
        "ephemeral": {
            "enabled": settings.ephemeral,
            "startup_timeout_seconds": settings.start_timeout,
        },
        "events": {"maximum_size_bytes": settings.maximum_event_bytes},
        "flow_run_graph": {
            "max_nodes": settings.graph_max_nodes,
            "max_artifacts": settings.graph_max_artifacts,
        },
        # Always: whoever does not watch pays nothing.
        "logs": {"stream_out_enabled": True, "stream_publishing_enabled": True},
        # Those of the server itself are registered when somebody asks for blocks.
        "register_blocks_on_start": False,
        "services": _services(settings),
        "tasks": {
            "tag_concurrency_slot_wait_seconds": settings.tag_slot_wait_seconds,
            "max_cache_key_length": settings.max_cache_key_length,
        },
        "ui": {"enabled": False},
        "worker_channel": {
            "cleanup_lease_seconds": settings.cleanup_lease_seconds,
            "cleanup_max_delivery_attempts": settings.cleanup_max_deliveries,
            "cleanup_completed_idempotency_retention_seconds": settings.cleanup_retention_seconds,
        },
    }


def _database(settings: Settings) -> Tree:
    postgres = (settings.database_url or "").startswith("postgres")
    return {
        "connection_url": STARS,
        "driver": "postgresql+asyncpg" if postgres else "sqlite+aiosqlite",
        "sqlalchemy": {
            "pool_size": settings.postgres_pool_size,
            "max_overflow": settings.postgres_max_overflow,
        },
    }


def _services(settings: Settings) -> Tree:
    def service(loop_seconds: float, **further: Any) -> Tree:
        return {"enabled": settings.runs_services, "loop_seconds": loop_seconds, **further}

    return {
        "cancellation_cleanup": service(
            settings.cancellation_cleanup_seconds,
            cancelling_timeout_seconds=settings.cancelling_timeout_seconds,
        ),
        "foreman": service(
            settings.foreman_seconds,
            inactivity_heartbeat_multiple=settings.worker_inactivity_multiple,
            fallback_heartbeat_interval_seconds=settings.worker_heartbeat_seconds,
            deployment_last_polled_timeout_seconds=settings.deployment_poll_timeout_seconds,
            work_queue_last_polled_timeout_seconds=settings.work_queue_poll_timeout_seconds,
        ),
        "cleanup_reconciler": service(
            settings.cleanup_reconciler_seconds, batch_size=CLEANUP_BATCH
        ),
        "late_runs": service(
            settings.late_runs_seconds,
            after_seconds=timedelta(seconds=settings.late_runs_after_seconds),
        ),
        "pause_expirations": service(settings.pause_expirations_seconds),
        "repossessor": service(settings.repossessor_seconds),
        "scheduler": service(
            settings.scheduler_seconds,
            recent_deployments_loop_seconds=settings.changed_deployments_seconds,
            deployment_batch_size=settings.scheduler_deployment_batch_size,
            insert_batch_size=settings.scheduler_insert_batch_size,
            min_runs=settings.scheduler_min_runs,
            max_runs=settings.scheduler_max_runs,
            min_scheduled_time=timedelta(seconds=settings.scheduler_min_scheduled_seconds),
            max_scheduled_time=timedelta(seconds=settings.scheduler_max_scheduled_seconds),
        ),
    }
