"""Plans runs by the schedules of deployments."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, case, exists, func, or_, select

from ephemeral_server.database import Database
from ephemeral_server.database.likely import IS_SCHEDULED
from ephemeral_server.database.tables import deployment, deployment_schedule, flow_run
from ephemeral_server.deployments.planning import Plans, plan, read_schedules
from ephemeral_server.deployments.upcoming import Calendar, Window, calendar
from ephemeral_server.parameters.aside import run_aside
from ephemeral_server.schedules.dates import ScheduleError
from ephemeral_server.services.duties import write_all
from ephemeral_server.settings import Settings

logger = logging.getLogger(__name__)

#: The query for the ids of deployments that lack runs within a window.
Lacking = Callable[[Window], Select[Any]]


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What one pass did.

    Attributes:
        deployments: how many lacked runs.
        runs: how many it planned.
    """

    deployments: int = 0
    runs: int = 0


async def run_once(database: Database, settings: Settings) -> Scheduled:
    """Plan the next runs of every schedule that has too few of them ahead."""
    plans = await plan_all(database, settings, _lacking)
    return Scheduled(plans.deployments, plans.runs)


_S, _R = deployment_schedule.c, flow_run.c


def _lacking(window: Window) -> Select[Any]:
    """The deployments with a schedule that has fewer runs ahead than it should have."""
    many, last = func.count(), func.coalesce(func.max(_R.next_scheduled_start_time), 0)
    most = func.coalesce(_S.max_scheduled_runs, window.max_runs)
    least = case((_S.max_scheduled_runs < window.min_runs, most), else_=window.min_runs)
    has_too_few = (
        select(or_(many < least, (many < most) & (last < window.soon)))
        .where(
            _R.schedule_id == _S.id,
            _R.schedule_id.is_not(None),
            IS_SCHEDULED,
            _R.next_scheduled_start_time >= window.start,
        )
        .correlate(deployment_schedule)
        .scalar_subquery()
    )
    schedules = exists().where(_S.deployment_id == deployment.c.id, _S.active, has_too_few)
    return select(deployment.c.id).where(~deployment.c.paused, schedules)


async def plan_all(database: Database, settings: Settings, lacking: Lacking) -> Plans:
    """Plan runs of all deployments that lack some; a failure is logged and stops no other."""
    plans, last = Plans(), str(UUID(int=0))
    size = settings.scheduler_deployment_batch_size
    while True:
        window = Window.ahead(settings, database.now())
        ids, schedules = await database.read(_page, lacking(window), last, size)
        dates = await run_aside(calendar, {row.schedule for row in schedules}, window)
        _report(schedules, dates)
        for some in _batches(ids, schedules, dates, settings.scheduler_insert_batch_size):
            work = partial(plan, calendar=dates)
            plans = sum(await write_all(database, "deployment", some, work), start=plans)
        if len(ids) < size:
            return plans
        last = ids[-1]


def _page(
    connection: Connection, query: Select[Any], last: str, size: int
) -> tuple[Sequence[str], Sequence[Row[Any]]]:
    """Some deployments of a query, with their active schedules."""
    id = deployment.c.id
    ids = connection.scalars(query.where(id > last).order_by(id).limit(size)).all()
    return ids, read_schedules(connection, ids)


def _report(schedules: Sequence[Row[Any]], dates: Calendar) -> None:
    for row in schedules:
        problem = dates[row.schedule].problem
        if problem is not None:
            logger.warning(
                "Schedule %s of deployment %s: %s",
                row.id,
                row.deployment_id,
                problem,
                exc_info=None if isinstance(problem, ScheduleError) else problem,
            )


def _batches(
    ids: Sequence[str], schedules: Sequence[Row[Any]], dates: Calendar, size: int
) -> Iterator[list[str]]:
    """The deployments in groups that have `size` dates, unless one alone has more."""
    counts = dict.fromkeys(ids, 0)
    for row in schedules:
        counts[row.deployment_id] += len(dates[row.schedule].instants)
    batch: list[str] = []
    room = size
    for id, count in counts.items():
        if batch and count > room:
            yield batch
            batch, room = [], size
        batch.append(id)
        room -= count
    if batch:
        yield batch
