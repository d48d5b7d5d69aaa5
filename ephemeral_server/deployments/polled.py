"""A deployment is ready as long as a runner, or a worker of its queue, asks for its runs."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import deployment
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.events import emit_deployments_event
from ephemeral_server.work_queues.polled import Marking, Which

_C = deployment.c
_MARKING = Marking(deployment, lambda tx, ids: emit_deployments_event(tx, "ready", ids))


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
    return _MARKING.is_due(connection, which, now)


def mark_deployments_polled(tx: Transaction, which: Which) -> None:
    """Somebody asks for the runs of these deployments: they are ready, of which an event tells.

    Their ``updated`` stays: nothing that a user has said is changed.

    Args:
        which: `named` or `served_by`.
    """
    _MARKING.mark(tx, which)
