"""What is polled, queues and deployments, is ready from then on, and says when it was asked for.

Polls come every few seconds from every worker, so a mark that is young is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    case,
    exists,
    or_,
    select,
    update,
)

from ephemeral_server.clock import SECOND
from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.types import Instant
from ephemeral_server.work_queues.events import emit_queue_event
from ephemeral_server.work_queues.status import NOT_READY, READY

#: A mark is young for so long; it is old enough to be missed after a minute.
YOUNG = 5 * SECOND

Which = ColumnElement[bool]


class Marking:
    """Marks rows of a table as polled; what users know as their last change stays.

    Args:
        table: has the columns ``status`` and ``last_polled``.
        tell_ready: tells of the rows of these ids that they are ready now.
        young: for how many microseconds a mark is left as it is.

    Attributes:
        is_due: a row is to be marked at the instant ``:polled``.
    """

    def __init__(
        self,
        table: Table,
        tell_ready: Callable[[Transaction, Sequence[str]], None],
        young: int = YOUNG,
    ) -> None:
        self._table = table
        self._tell_ready = tell_ready
        c = table.c
        self.is_due: ColumnElement[bool] = or_(
            c.status == NOT_READY,
            c.last_polled.is_(None),
            c.last_polled <= bindparam("polled", type_=Instant) - young,
        )

    def is_any_due(self, connection: Connection, which: Which, now: int) -> bool:
        """Whether one of the rows is to be marked."""
        query = select(exists().where(which, self.is_due))
        return bool(connection.scalar(query, {"polled": now}))

    def mark(self, tx: Transaction, which: Which) -> None:
        """Mark those of the rows that are to be marked.

        One that somebody else changes just now is left to the next poll.
        """
        now, c = tx.now(), self._table.c
        due = select(c.id, c.status).where(which, self.is_due).order_by(c.id)
        locked = due.with_for_update(skip_locked=True, key_share=True)
        rows = tx.connection.execute(locked, {"polled": now}).all()
        if not rows:
            return
        status = case((c.status == NOT_READY, READY), else_=c.status)
        marked = is_in(c.id, [row.id for row in rows], tx.dialect)
        values = {c.last_polled: now, c.status: status}
        tx.connection.execute(update(self._table).where(marked).values(values))
        if ready := [row.id for row in rows if row.status == NOT_READY]:
            self._tell_ready(tx, ready)


def _tell_ready(tx: Transaction, ids: Sequence[str]) -> None:
    for id in ids:
        emit_queue_event(tx, "ready", id)


#: Of work queues; those that are paused stay so.
QUEUES = Marking(work_queue, _tell_ready)
