"""The server's settings as pages and tools read them.

The tree and its names are those of the reference server, with the settings that mean
something here. What lets somebody in is starred; durations are ISO 8601.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

from ephemeral_server.settings import Settings
from ephemeral_server.workers.cleanup.queue import BATCH as CLEANUP_BATCH

STARS = "**********"


class ApiSettings(BaseModel):
    host: str
    port: int
    base_path: str
    auth_string: str | None
    default_limit: int
    max_parameter_size: int
    csrf_protection_enabled: bool
    csrf_token_expiration: timedelta
    cors_allowed_origins: str
    cors_allowed_methods: str
    cors_allowed_headers: str


class PoolSettings(BaseModel):
    pool_size: int
    max_overflow: int


class ConcurrencySettings(BaseModel):
    initial_deployment_lease_duration: float
    maximum_concurrency_slot_wait_seconds: float


class DeploymentsSettings(BaseModel):
    concurrency_slot_wait_seconds: float


class DatabaseSettings(BaseModel):
    connection_url: str = STARS
    driver: str
    sqlalchemy: PoolSettings


class EphemeralSettings(BaseModel):
    enabled: bool
    startup_timeout_seconds: float


class EventsSettings(BaseModel):
    maximum_size_bytes: int


class LogsSettings(BaseModel):
    stream_out_enabled: bool = True
    stream_publishing_enabled: bool = True


class LoopSettings(BaseModel):
    enabled: bool
    loop_seconds: float


class LateRunsSettings(LoopSettings):
    after_seconds: timedelta


class CancellationCleanupSettings(LoopSettings):
    cancelling_timeout_seconds: float


class ForemanSettings(LoopSettings):
    inactivity_heartbeat_multiple: int
    fallback_heartbeat_interval_seconds: float
    deployment_last_polled_timeout_seconds: float
    work_queue_last_polled_timeout_seconds: float


class CleanupReconcilerSettings(LoopSettings):
    batch_size: int


class SchedulerSettings(LoopSettings):
    recent_deployments_loop_seconds: float
    deployment_batch_size: int
    insert_batch_size: int
    min_runs: int
    max_runs: int
    min_scheduled_time: timedelta
    max_scheduled_time: timedelta


class ServicesSettings(BaseModel):
    cancellation_cleanup: CancellationCleanupSettings
    foreman: ForemanSettings
    cleanup_reconciler: CleanupReconcilerSettings
    late_runs: LateRunsSettings
    pause_expirations: LoopSettings
    repossessor: LoopSettings
    scheduler: SchedulerSettings


class TasksSettings(BaseModel):
    tag_concurrency_slot_wait_seconds: float
    max_cache_key_length: int


class UiSettings(BaseModel):
    enabled: bool


class WorkerChannelSettings(BaseModel):
    cleanup_lease_seconds: float
    cleanup_max_delivery_attempts: int
    cleanup_completed_idempotency_retention_seconds: float | None


class ServerSettings(BaseModel):
    api: ApiSettings
    concurrency: ConcurrencySettings
    database: DatabaseSettings
    deployment_schedule_max_scheduled_runs: int
    deployments: DeploymentsSettings
    ephemeral: EphemeralSettings
    events: EventsSettings
    logs: LogsSettings
    services: ServicesSettings
    tasks: TasksSettings
    ui: UiSettings
    worker_channel: WorkerChannelSettings


class SettingsTree(BaseModel):
    """All settings that are shown."""

    server: ServerSettings


def settings_tree(settings: Settings) -> SettingsTree:
    """The tree of one server's settings."""
    url = settings.database_url or ""
    postgres = url.startswith("postgres")
    return SettingsTree(
        server=ServerSettings(
            api=ApiSettings(
                host=settings.host,
                port=settings.port,
                base_path=settings.api_base_path,
                auth_string=None if settings.auth_string is None else STARS,
                default_limit=settings.default_limit,
                max_parameter_size=settings.max_parameter_size,
                csrf_protection_enabled=settings.csrf_protection,
                csrf_token_expiration=timedelta(seconds=settings.csrf_token_seconds),
                cors_allowed_origins=settings.cors_origins,
                cors_allowed_methods=settings.cors_methods,
                cors_allowed_headers=settings.cors_headers,
            ),
            concurrency=ConcurrencySettings(
                initial_deployment_lease_duration=settings.initial_deployment_lease_seconds,
                maximum_concurrency_slot_wait_seconds=settings.maximum_slot_wait_seconds,
            ),
            database=DatabaseSettings(
                driver="postgresql+asyncpg" if postgres else "sqlite+aiosqlite",
                sqlalchemy=PoolSettings(
                    pool_size=settings.postgres_pool_size,
                    max_overflow=settings.postgres_max_overflow,
                ),
            ),
            deployment_schedule_max_scheduled_runs=settings.max_scheduled_runs,
            deployments=DeploymentsSettings(
                concurrency_slot_wait_seconds=settings.deployment_slot_wait_seconds
            ),
            ephemeral=EphemeralSettings(
                enabled=settings.ephemeral, startup_timeout_seconds=settings.start_timeout
            ),
            events=EventsSettings(maximum_size_bytes=settings.maximum_event_bytes),
            logs=LogsSettings(),  # always: whoever does not watch pays nothing
            services=_services(settings),
            tasks=TasksSettings(
                tag_concurrency_slot_wait_seconds=settings.tag_slot_wait_seconds,
                max_cache_key_length=settings.max_cache_key_length,
            ),
            ui=UiSettings(enabled=False),
            worker_channel=WorkerChannelSettings(
                cleanup_lease_seconds=settings.cleanup_lease_seconds,
                cleanup_max_delivery_attempts=settings.cleanup_max_deliveries,
                cleanup_completed_idempotency_retention_seconds=settings.cleanup_retention_seconds,
            ),
        )
    )


def _services(settings: Settings) -> ServicesSettings:
    enabled = settings.runs_services
    return ServicesSettings(
        cancellation_cleanup=CancellationCleanupSettings(
            enabled=enabled,
            loop_seconds=settings.cancellation_cleanup_seconds,
            cancelling_timeout_seconds=settings.cancelling_timeout_seconds,
        ),
        foreman=ForemanSettings(
            enabled=enabled,
            loop_seconds=settings.foreman_seconds,
            inactivity_heartbeat_multiple=settings.worker_inactivity_multiple,
            fallback_heartbeat_interval_seconds=settings.worker_heartbeat_seconds,
            deployment_last_polled_timeout_seconds=settings.deployment_poll_timeout_seconds,
            work_queue_last_polled_timeout_seconds=settings.work_queue_poll_timeout_seconds,
        ),
        cleanup_reconciler=CleanupReconcilerSettings(
            enabled=enabled,
            loop_seconds=settings.cleanup_reconciler_seconds,
            batch_size=CLEANUP_BATCH,
        ),
        late_runs=LateRunsSettings(
            enabled=enabled,
            loop_seconds=settings.late_runs_seconds,
            after_seconds=timedelta(seconds=settings.late_runs_after_seconds),
        ),
        pause_expirations=LoopSettings(
            enabled=enabled, loop_seconds=settings.pause_expirations_seconds
        ),
        repossessor=LoopSettings(enabled=enabled, loop_seconds=settings.repossessor_seconds),
        scheduler=SchedulerSettings(
            enabled=enabled,
            loop_seconds=settings.scheduler_seconds,
            recent_deployments_loop_seconds=settings.changed_deployments_seconds,
            deployment_batch_size=settings.scheduler_deployment_batch_size,
            insert_batch_size=settings.scheduler_insert_batch_size,
            min_runs=settings.scheduler_min_runs,
            max_runs=settings.scheduler_max_runs,
            min_scheduled_time=timedelta(seconds=settings.scheduler_min_scheduled_seconds),
            max_scheduled_time=timedelta(seconds=settings.scheduler_max_scheduled_seconds),
        ),
    )
