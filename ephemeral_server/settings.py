"""Every setting of a server, once.

A value comes from the argument that names it, else from the environment variable
``EPHEMERAL_SERVER_<NAME>``, else from the default here. `Settings` is frozen and hashable:
equal settings mean the same server.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ephemeral_server.errors import SettingsError

ENVIRONMENT_PREFIX = "EPHEMERAL_SERVER_"


def _setting(default: Any, help: str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"help": help, "secret": secret})


@dataclass(frozen=True)
class Settings:
    """What can be chosen about a server.

    Raises:
        SettingsError: a value is of the wrong type or out of its range; names the setting,
            what was given and what is allowed.
    """

    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(0, "port to listen on, 0 lets the system choose")
    database_url: str | None = _setting(
        None, "sqlite+aiosqlite:///FILE or postgresql+asyncpg://...; None: a temporary database"
    )
    ephemeral: bool = _setting(False, "temporary data, gone with the server")
    mode: Literal["thread", "process"] = _setting(
        "thread", "an ephemeral server lives in a thread or in a child process"
    )
    services: bool | None = _setting(
        None, "run services beside the API; None: yes, but not in an ephemeral server"
    )
    activate: bool = _setting(True, "point the Prefect client of this process at the server")
    auth: bool = _setting(False, "make a random secret that every request must show")
    auth_string: str | None = _setting(
        None, "'user:password' that every request must show", secret=True
    )
    encryption_key: str | None = _setting(
        None,
        "what secrets are sealed with in a lasting database; of several, separated by commas, the "
        "first seals and all open; None: a key that is kept with the database",
        secret=True,
    )
    api_base_path: str = _setting("/api", "where the API is mounted")
    default_limit: int = _setting(200, "default and largest page size of list routes")
    max_parameter_size: int = _setting(
        524288, "largest parameters of a run in bytes of compact JSON, 0: no bound"
    )
    max_scheduled_runs: int = _setting(50, "most runs that a schedule may ask to be planned ahead")
    max_cache_key_length: int = _setting(2000, "largest cache key of a task run in characters")
    graph_max_nodes: int = _setting(10_000, "most nodes of a flow run's graph")
    graph_max_artifacts: int = _setting(10_000, "most artifacts in a flow run's graph")
    tag_slot_wait_seconds: float = _setting(
        10.0, "longest that a task run is told to wait for a slot of its tags"
    )
    deployment_slot_wait_seconds: float = _setting(
        30.0, "how long a flow run waits before it asks its deployment for a slot again"
    )
    maximum_slot_wait_seconds: float = _setting(
        30.0, "longest that a client is told to wait for a slot of any other limit"
    )
    initial_deployment_lease_seconds: float = _setting(
        300.0, "how long a flow run that is being started keeps its slot without a sign of life"
    )
    csrf_protection: bool = _setting(False, "ask for CSRF tokens on writing requests")
    csrf_token_seconds: float = _setting(3600.0, "how long a CSRF token holds")
    cors_origins: str = _setting("*", "origins for CORS, separated by commas")
    cors_methods: str = _setting("*", "methods for CORS, separated by commas")
    cors_headers: str = _setting("*", "headers for CORS, separated by commas")
    allowed_hosts: str = _setting(
        "", "names besides loopback that a Host or Origin header may have; '*' allows all"
    )
    request_limit: int = _setting(100, "requests that may work on the database at once")
    late_runs_seconds: float = _setting(5.0, "how often late flow runs are looked for")
    late_runs_after_seconds: float = _setting(
        15.0, "how long after its time a flow run is late that has not begun"
    )
    pause_expirations_seconds: float = _setting(5.0, "how often overdue pauses are looked for")
    cancellation_cleanup_seconds: float = _setting(
        20.0, "how often what is left of cancelled flow runs is looked for"
    )
    cancelling_timeout_seconds: float = _setting(
        300.0, "how long a flow run may be Cancelling before it is called Cancelled"
    )
    repossessor_seconds: float = _setting(15.0, "how often expired leases are looked for")
    cleanup_reconciler_seconds: float = _setting(
        5.0, "how often cleanup messages are looked for that their workers did not answer"
    )
    cleanup_lease_seconds: float = _setting(
        30.0, "how long a worker may take for a cleanup message without a sign of life"
    )
    cleanup_max_deliveries: int = _setting(3, "how often a cleanup message is delivered at most")
    cleanup_retention_seconds: float | None = _setting(
        None, "how long cleanup messages that are done are remembered; None: for ever"
    )
    scheduler_seconds: float = _setting(
        60.0, "how often deployments are looked for that lack scheduled runs"
    )
    changed_deployments_seconds: float = _setting(
        5.0, "how often deployments are looked for that another server has changed"
    )
    scheduler_min_runs: int = _setting(3, "least runs that each schedule has ahead")
    scheduler_max_runs: int = _setting(100, "most runs that each schedule has ahead")
    scheduler_min_scheduled_seconds: float = _setting(
        3600.0, "least time ahead for which each schedule has runs"
    )
    scheduler_max_scheduled_seconds: float = _setting(
        8_640_000.0, "longest time ahead for which a schedule has runs"
    )
    scheduler_deployment_batch_size: int = _setting(
        100, "deployments that the scheduler looks at in one go"
    )
    scheduler_insert_batch_size: int = _setting(
        500, "runs that the scheduler plans in one transaction"
    )
    claim_seconds: float = _setting(
        2.0, "how long a flow run that a worker was given is hidden from others, 0: not at all"
    )
    foreman_seconds: float = _setting(
        15.0, "how often workers, pools, queues and deployments are looked for that nobody serves"
    )
    worker_inactivity_multiple: int = _setting(
        3, "after how many of its heartbeat intervals without a heartbeat a worker is offline"
    )
    worker_heartbeat_seconds: float = _setting(30.0, "heartbeat interval of workers that tell none")
    deployment_poll_timeout_seconds: float = _setting(
        60.0, "how long after it was last polled a deployment is ready"
    )
    work_queue_poll_timeout_seconds: float = _setting(
        60.0, "how long after it was last polled a work queue is ready"
    )
    start_timeout: float = _setting(20.0, "seconds a start may take")
    shutdown_timeout: float = _setting(5.0, "seconds a shutdown may take")
    temp_directory: str | None = _setting(
        None, "where ephemeral servers keep their files; None: a private folder of this user"
    )
    postgres_pool_size: int = _setting(5, "connections kept open to PostgreSQL")
    postgres_max_overflow: int = _setting(10, "further connections to PostgreSQL under load")
    maximum_event_bytes: int = _setting(1_500_000, "largest event in bytes of JSON")

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Settings from `given`, the environment and the defaults, in this order.

        Args:
            environ: the environment to read; `os.environ` if None.
            **given: single settings by name.

        Raises:
            SettingsError: an unknown name or an unusable value.
        """
        environ = os.environ if environ is None else environ
        names = {f.name: f for f in dataclasses.fields(cls)}
        unknown = sorted(given.keys() - names.keys())
        if unknown:
            raise SettingsError(
                f"There is no setting {unknown[0]!r}. Settings are: {', '.join(sorted(names))}."
            )
        values = dict(given)
        for name, spec in names.items():
            text = environ.get(ENVIRONMENT_PREFIX + name.upper())
            if text is not None and name not in given:
                values[name] = _parse(name, str(spec.type), text)
        return cls(**values)

    @property
    def runs_services(self) -> bool:
        """Whether services run beside the API."""
        return not self.ephemeral if self.services is None else self.services

    def replace(self, **changes: Any) -> Settings:
        """A copy with some settings changed."""
        return dataclasses.replace(self, **changes)


_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def _parse(name: str, kind: str, text: str) -> Any:
    """The value that an environment variable's text stands for."""
    variable = ENVIRONMENT_PREFIX + name.upper()
    kind, optional = kind.removesuffix(" | None"), kind.endswith("| None")
    if optional and text == "":
        return None
    if kind == "bool":
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise SettingsError(f"{variable} must be true or false, not {text!r}.")
    if kind in ("int", "float"):
        try:
            return int(text) if kind == "int" else float(text)
        except ValueError:
            raise SettingsError(f"{variable} must be a number, not {text!r}.") from None
    return text


_AT_LEAST: dict[str, float] = {
    "default_limit": 1,
    "max_parameter_size": 0,
    "max_scheduled_runs": 1,
    "max_cache_key_length": 0,
    "graph_max_nodes": 1,
    "graph_max_artifacts": 0,
    "tag_slot_wait_seconds": 0,
    "deployment_slot_wait_seconds": 0,
    "maximum_slot_wait_seconds": 0,
    "initial_deployment_lease_seconds": 1,
    "late_runs_seconds": 0.01,
    "late_runs_after_seconds": 0,
    "pause_expirations_seconds": 0.01,
    "cancellation_cleanup_seconds": 0.01,
    "cancelling_timeout_seconds": 0,
    "repossessor_seconds": 0.01,
    "cleanup_reconciler_seconds": 0.01,
    "cleanup_lease_seconds": 0.01,
    "cleanup_max_deliveries": 1,
    "cleanup_retention_seconds": 0,
    "scheduler_seconds": 0.01,
    "changed_deployments_seconds": 0.01,
    "scheduler_min_runs": 0,
    "scheduler_max_runs": 0,
    "scheduler_min_scheduled_seconds": 0,
    "scheduler_max_scheduled_seconds": 0,
    "scheduler_deployment_batch_size": 1,
    "scheduler_insert_batch_size": 1,
    "claim_seconds": 0,
    "foreman_seconds": 0.01,
    "worker_inactivity_multiple": 1,
    "worker_heartbeat_seconds": 0,
    "deployment_poll_timeout_seconds": 0,
    "work_queue_poll_timeout_seconds": 0,
    "request_limit": 1,
    "postgres_pool_size": 1,
    "postgres_max_overflow": 0,
    "csrf_token_seconds": 1,
    "start_timeout": 0,
    "shutdown_timeout": 0,
    "maximum_event_bytes": 1,
}


def _check(settings: Settings) -> None:
    types: dict[str, type | tuple[type, ...]]
    types = {"int": int, "bool": bool, "float": (int, float), "str": str}
    for spec in dataclasses.fields(settings):
        value = getattr(settings, spec.name)
        kind = str(spec.type)
        if kind.endswith(" | None") and value is None:
            continue
        wanted = types.get(kind.removesuffix(" | None"))
        wrong = wanted is not None and (
            not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)
        )
        if wrong:
            given = type(value).__name__ if spec.metadata["secret"] else repr(value)
            raise SettingsError(f"Setting {spec.name!r} must be {kind}, not {given}.")
        least = _AT_LEAST.get(spec.name)
        if least is not None and value < least:
            raise SettingsError(f"Setting {spec.name!r} must be at least {least}, not {value!r}.")
    if not 0 <= settings.port <= 65535:
        raise SettingsError(f"Setting 'port' must be 0 to 65535, not {settings.port}.")
    if settings.mode not in ("thread", "process"):
        raise SettingsError(f"Setting 'mode' must be 'thread' or 'process', not {settings.mode!r}.")
    if settings.auth_string is not None and ":" not in settings.auth_string:
        raise SettingsError("Setting 'auth_string' must have the form 'user:password'.")
    if settings.encryption_key is not None:
        from ephemeral_server.encryption.keys import given_keys  # seldom needed

        given_keys(settings.encryption_key)
    path = settings.api_base_path
    if not path.startswith("/") or path == "/" or path.endswith("/"):
        raise SettingsError(
            f"Setting 'api_base_path' must start with '/' and not end with one, not {path!r}."
        )
