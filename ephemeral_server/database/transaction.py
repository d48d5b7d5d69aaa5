"""What a unit of work that writes is given."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Connection

from ephemeral_server.clock import Clock
from ephemeral_server.database.notices import Notices

logger = logging.getLogger(__name__)


class Transaction:
    """One write transaction, for the synchronous function that does the work.

    Attributes:
        connection: executes statements inside the transaction.
        clock: the server's clock.
        dialect: ``"sqlite"`` or ``"postgresql"``.
        events: what `emit` collected; published after the commit, dropped on rollback.
    """

    __slots__ = ("_afterwards", "_notices", "clock", "connection", "dialect", "events")

    def __init__(self, connection: Connection, clock: Clock, notices: Notices) -> None:
        self.connection = connection
        self.clock = clock
        self.dialect = connection.dialect.name
        self.events: list[Any] = []
        self._afterwards: list[Callable[[], None]] = []
        self._notices = notices

    def now(self) -> int:
        """The present instant in microseconds since 1970 UTC."""
        return self.clock.now()

    def emit(self, event: Any) -> None:
        """Publish `event` once this transaction is committed."""
        self.events.append(event)

    def notify(self, topic: str, subject: str) -> None:
        """Tell who listens to `topic` in this process, once this transaction is committed."""
        self.after_commit(partial(self._notices.tell, topic, subject))

    def after_commit(self, action: Callable[[], None]) -> None:
        """Call `action` on the server's loop once this transaction is committed."""
        self._afterwards.append(action)

    def finish(self, publish: Callable[[list[Any]], None]) -> None:
        """Hand out events and run actions; called by the database after the commit.

        One that fails is logged: the caller's work is done, and others wait for the writer.
        """
        actions = self._afterwards
        if self.events:
            actions = [partial(publish, self.events), *actions]
        for action in actions:
            try:
                action()
            except Exception:  # see above
                logger.exception("What follows a commit has failed.")
