"""Plans runs of deployments that are new or changed, without waiting for the scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, literal_column, select

from ephemeral_server.database import Database
from ephemeral_server.database.tables import deployment
from ephemeral_server.deployments.upcoming import Window
from ephemeral_server.services.scheduler import plan_all
from ephemeral_server.settings import Settings


@dataclass(frozen=True, slots=True)
class ChangedDeployments:
    """What one pass did.

    Attributes:
        deployments: how many had been changed.
        runs: how many it planned.
    """

    deployments: int = 0
    runs: int = 0


async def run_once(database: Database, settings: Settings) -> ChangedDeployments:
    """Plan runs of every deployment that was changed since its runs were planned."""
    plans = await plan_all(database, settings, _changed)
    return ChangedDeployments(plans.deployments, plans.runs)


def _changed(window: Window) -> Select[Any]:
    # In the query's text as in the index.
    return select(deployment.c.id).where(literal_column("to_be_planned"))
