"""The interface of both databases.

A unit of work is a plain function over a synchronous connection. It holds no ``await``,
reads like a script and runs whole in one go: on SQLite in a single hop to the thread of its
connection, on PostgreSQL through asyncpg.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

from ephemeral_server.database.notices import Notices
from ephemeral_server.database.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")

ReadWork = Callable[Concatenate[Connection, P], T]
WriteWork = Callable[Concatenate[Transaction, P], T]

#: Receives the events of each committed transaction, on the server's loop.
Publish = Callable[[list[Any]], None]


class Database(Protocol):
    """A database that is open, bound to the event loop that opened it.

    Attributes:
        notices: of what transactions of this process told with `Transaction.notify`.
    """

    notices: Notices

    @property
    def url(self) -> str:
        """The SQLAlchemy URL, with its password if it has one."""
        ...

    @property
    def dialect(self) -> str:
        """``"sqlite"`` or ``"postgresql"``."""
        ...

    def now(self) -> int:
        """The present instant of the server's clock."""
        ...

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` on a consistent snapshot that includes every answered write.

        Raises:
            DatabaseClosedError: the database is closed.
        """
        ...

    async def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` in one transaction and return its result after the commit.

        An exception rolls back all that `work` did and is raised here.

        Raises:
            DatabaseClosedError: the database is closed.
        """
        ...

    async def close(self) -> None:
        """Finish what was handed in, then close every connection. Safe to call twice."""
        ...
