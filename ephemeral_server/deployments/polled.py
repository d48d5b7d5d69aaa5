"""A deployment is ready as long as a runner, or a worker of its queue, asks for its runs."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from ephemeral_server.clock import SECOND
from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import deployment, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.events import emit_deployments_event
from ephemeral_server.work_queues.polled import QUEUES, Marking, Which

_C = deployment.c
#: A queue may have thousands, so they are marked less often than it is; a minute without a mark
#: is what makes them not ready.
YOUNG = 20 * SECOND
DEPLOYMENTS = Marking(deployment, lambda tx, ids: emit_deployments_event(tx, "ready", ids), YOUNG)


def named(ids: Collection[str], dialect: str) -> Which:
    """The deployments of these ids, however many."""
    return is_in(_C.id, list(ids), dialect)


def served_by(queue_ids: Collection[str], dialect: str) -> Which:
    """The deployments that are assigned to these queues."""
    return is_in(_C.work_queue_id, list(queue_ids), dialect)


def are_to_be_marked(connection: Connection, which: Which, now: int) -> bool:
    """Whether a poll for these deployments has something to write: most have not.

    Args:
        which: `named` or `served_by`.
        now: the present instant.
    """
    return DEPLOYMENTS.is_any_due(connection, which, now)


def mark_deployments_polled(tx: Transaction, which: Which) -> None:
    """Somebody asks for the runs of these deployments: they are ready, of which an event tells.

    Their ``updated`` stays: nothing that a user has said is changed.

    Args:
        which: `named` or `served_by`.
    """
    DEPLOYMENTS.mark(tx, which)


def are_queues_to_be_marked(connection: Connection, queue_ids: Collection[str], now: int) -> bool:
    """Whether a poll of these queues has something to write, see `mark_queues_polled`."""
    which, deployments = _queues(queue_ids, connection.dialect.name)
    due = QUEUES.is_any_due(connection, which, now)
    return due or DEPLOYMENTS.is_any_due(connection, deployments, now)


def mark_queues_polled(tx: Transaction, queue_ids: Collection[str]) -> None:
    """Workers ask these queues for runs: they and the deployments assigned to them are ready."""
    which, deployments = _queues(queue_ids, tx.dialect)
    QUEUES.mark(tx, which)
    DEPLOYMENTS.mark(tx, deployments)


def _queues(ids: Collection[str], dialect: str) -> tuple[Which, Which]:
    return is_in(work_queue.c.id, list(ids), dialect), served_by(ids, dialect)
