"""Bringing the schedules of a deployment to what is asked for.

The functions return the ids of the schedules whose planned runs no longer hold. A schedule that
stays as it is keeps its row and so its id, which its planned runs name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.schedule_schemas import (
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
)
from ephemeral_server.deployments.schedule_store import (
    Definition,
    ScheduleRow,
    change_schedule,
    clear_slugs,
    definition,
    delete_schedules,
    differing,
    given_columns,
    insert_schedules,
    schedules_of,
)
from ephemeral_server.errors import UnprocessableError


def replace_schedules(
    tx: Transaction,
    deployment_id: str,
    wanted: Sequence[DeploymentScheduleCreate | DeploymentScheduleUpdate],
) -> set[str]:
    """Let a deployment have these schedules and no others.

    Args:
        wanted: those without a ``schedule`` are passed over.

    Raises:
        ConflictError: two have one slug.
    """
    now = tx.now()
    rest = list(schedules_of(tx, deployment_id))
    new: list[Definition] = []
    for each in wanted:
        if each.schedule is None:
            continue
        asked = definition(each, now)
        same = next((row for row in rest if not differing(row, asked)), None)
        if same is None:
            new.append(asked)
        else:
            rest.remove(same)
    stale = {row["id"] for row in rest}
    delete_schedules(tx, stale)
    insert_schedules(tx, deployment_id, new)
    return stale


def update_schedules(
    tx: Transaction, deployment_id: str, given: Sequence[DeploymentScheduleUpdate] | None
) -> set[str]:
    """Change the schedules of a deployment by their slugs, or all of them if some have none.

    Args:
        given: None if the request says nothing about schedules.

    Raises:
        ConflictError: two would have one slug.
        UnprocessableError: it is not clear which schedule is meant, or what a new one is.
    """
    if given is None:
        return set()
    rows = {row["slug"]: row for row in schedules_of(tx, deployment_id)}
    if not rows or None in rows:
        return replace_schedules(tx, deployment_id, given)
    return _change_by_slug(tx, deployment_id, _targets(given, rows))


#: What is asked for, and the schedule that it is asked of; None: a new one.
_Target = tuple[DeploymentScheduleUpdate, ScheduleRow | None]


def _targets(
    given: Sequence[DeploymentScheduleUpdate], rows: Mapping[str, ScheduleRow]
) -> list[_Target]:
    if any(each.slug is None for each in given):
        raise UnprocessableError(
            "Please provide a slug for each schedule in your request to ensure schedules are "
            "updated correctly."
        )
    renaming = [each for each in given if each.replaces]
    replaced = {each.replaces for each in renaming}
    for slug, count in Counter(each.replaces for each in renaming).items():
        if count > 1:
            raise UnprocessableError(
                f"Multiple schedules have 'replaces' targeting the same slug: {slug}"
            )
    for each in renaming:
        if each.slug in rows and each.slug not in replaced:
            raise UnprocessableError(
                f"Cannot rename schedule from '{each.replaces}' to '{each.slug}': a schedule with "
                f"slug '{each.slug}' already exists."
            )
    # A slug that a schedule gives up is free for a new one.
    given_up = {each.replaces for each in renaming if each.replaces != each.slug}
    targets: list[_Target] = []
    for each in given:
        meant = each.replaces or (None if each.slug in given_up else each.slug)
        row = None if meant is None else rows.get(meant)
        if row is None and each.schedule is None:
            raise UnprocessableError(
                "Unable to create new deployment schedules without a schedule configuration."
            )
        targets.append((each, row))
    return targets


def _change_by_slug(tx: Transaction, deployment_id: str, targets: Sequence[_Target]) -> set[str]:
    now = tx.now()
    # First nobody has the slugs that are to be given anew, so that two can swap theirs.
    clear_slugs(tx, [row["id"] for each, row in targets if row and row["slug"] != each.slug])
    stale = {
        row["id"]
        for each, row in targets
        if row is not None and change_schedule(tx, row, given_columns(each, now))
    }
    insert_schedules(
        tx, deployment_id, [definition(each, now) for each, row in targets if row is None]
    )
    return stale
