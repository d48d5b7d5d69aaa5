"""Telling a database that cannot work now from work that it does not accept."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

#: Classes of SQLSTATE (PostgreSQL's manual, appendix A): connection, resources, operator
#: intervention and system errors.
_SQLSTATES = ("08", "53", "57", "58")

#: What SQLite says about its file, not about a statement. Python 3.10 has no error codes.
_SQLITE = ("is locked", "disk I/O error", "disk is full", "unable to open", "readonly database")


def is_outage(error: BaseException) -> bool:
    """Whether the same work may succeed later without any change to it or to the data."""
    cause: BaseException | None = error
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        cause = error.orig
    if isinstance(cause, (OSError, PoolTimeoutError)):
        return True
    if isinstance(cause, sqlite3.OperationalError):
        return any(words in str(cause) for words in _SQLITE)
    state = getattr(cause, "sqlstate", None)
    return isinstance(state, str) and state.startswith(_SQLSTATES)
