"""Which services there are. Each is a module with ``run_once(database, settings)``.

A service finds what is to be done now, does it, and returns what it did. It reads the time from
the server's clock and keeps nothing in memory, so several servers may run it on one database.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ephemeral_server.errors import UnknownServiceError

if TYPE_CHECKING:
    from ephemeral_server.database import Database
    from ephemeral_server.settings import Settings

RunOnce = Callable[["Database", "Settings"], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Service:
    """Something that the server does by itself.

    Attributes:
        name: by which users call it.
        module: where it is; imported when it runs for the first time.
        period: the setting that tells the seconds between two passes.
        does: what it does, for users.
        woken_by: the topic of notices upon which a pass begins at once, see `Transaction.notify`.
    """

    name: str
    module: str
    period: str
    does: str
    woken_by: str | None = None

    @property
    def run_once(self) -> RunOnce:
        run_once: RunOnce = import_module(self.module).run_once
        return run_once


SERVICES = (
    Service(
        "late-runs",
        "ephemeral_server.services.late_runs",
        "late_runs_seconds",
        "Calls scheduled flow runs Late that have not begun in time.",
    ),
    Service(
        "pause-expirations",
        "ephemeral_server.services.pause_expirations",
        "pause_expirations_seconds",
        "Fails paused flow runs that were not resumed in time.",
    ),
    Service(
        "cancellation-cleanup",
        "ephemeral_server.services.cancellation_cleanup",
        "cancellation_cleanup_seconds",
        "Cancels the task runs and subflows of cancelled flow runs.",
    ),
    Service(
        "cancelling-timeouts",
        "ephemeral_server.services.cancelling_timeouts",
        "cancellation_cleanup_seconds",
        "Calls flow runs Cancelled that have been Cancelling for too long.",
    ),
    Service(
        "repossessor",
        "ephemeral_server.services.repossessor",
        "repossessor_seconds",
        "Takes back the slots of those who gave no more sign of life.",
    ),
    Service(
        "foreman",
        "ephemeral_server.services.foreman",
        "foreman_seconds",
        "Says of workers, pools, queues and deployments that nothing was heard of them.",
    ),
    Service(
        "cleanup-reconciler",
        "ephemeral_server.services.cleanup_reconciler",
        "cleanup_reconciler_seconds",
        "Hands out anew what workers were to clean up and gave no more sign of life.",
    ),
    Service(
        "scheduler",
        "ephemeral_server.services.scheduler",
        "scheduler_seconds",
        "Plans the next runs of deployments by their schedules.",
    ),
    Service(
        "changed-deployments",
        "ephemeral_server.services.changed_deployments",
        "changed_deployments_seconds",
        "Plans runs of deployments that are new or changed, at once.",
        woken_by="deployments to be planned",  # `deployments.planned` is not loaded at start
    ),
)


def find_service(name: str) -> Service:
    """The service of a name.

    Raises:
        UnknownServiceError: there is none.
    """
    for service in SERVICES:
        if service.name == name:
            return service
    names = ", ".join(service.name for service in SERVICES)
    raise UnknownServiceError(f"There is no service {name!r}. Services are: {names}.")
