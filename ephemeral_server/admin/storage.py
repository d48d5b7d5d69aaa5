"""Where results go unless a flow says otherwise."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from ephemeral_server.clock import SECOND, Clock
from ephemeral_server.database.base import Database
from ephemeral_server.database.notices import Notices
from ephemeral_server.database.tables import configuration
from ephemeral_server.database.transaction import Transaction

#: The row of the configuration that holds the choice, in the JSON of the wire.
KEY = "server-default-result-storage"
#: The topic of `Transaction.notify` on every change of it.
CHANGED = "default result storage"
#: What is answered while nothing is chosen: clients then keep results in a local folder.
NOTHING = '{"default_result_storage_block_id":null}'
#: For how long the answer is remembered. Other processes may serve the same database.
FRESH = 2 * SECOND

_VALUE = select(configuration.c.value).where(configuration.c.key == KEY)
_CLEAR = delete(configuration).where(configuration.c.key == KEY)


class DefaultResultStorage:
    """The block that keeps results by default.

    Every run of a flow asks for it, most of them twice, and hardly anybody ever changes it: so
    the answer is remembered for a moment.

    Args:
        clock: the server's clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answer = ""
        self._stale_at = 0
        self._changes = 0

    async def read(self, database: Database) -> str:
        """The choice as the JSON object of the wire."""
        if self._clock.now() >= self._stale_at:
            changes = self._changes
            answer = await database.read(_read)
            if changes != self._changes:  # changed while it was read: what was read may be old
                return answer
            self._answer, self._stale_at = answer, self._clock.now() + FRESH
        return self._answer

    def watch(self, notices: Notices) -> None:
        """Forget the answer whenever the choice changes in this process."""
        notices.listen(CHANGED, self._forget)

    def _forget(self, subject: str) -> None:
        self._changes += 1
        self._stale_at = 0


def _read(connection: Connection) -> str:
    return connection.execute(_VALUE).scalar() or NOTHING


def clear(tx: Transaction) -> None:
    """Choose nothing."""
    tx.connection.execute(_CLEAR)
    tx.notify(CHANGED, "")
