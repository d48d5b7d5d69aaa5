"""How errors are answered.

The handlers are for an app's ``exception_handlers``; `exception_handlers` has them all.
`InternalErrorMiddleware` answers what no handler took without giving up the connection.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.exceptions import RequestValidationError
from sqlalchemy import exc as database_errors
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ephemeral_server.errors import (
    DatabaseClosedError,
    EncryptionKeyError,
    ObjectNotFoundError,
    OverloadedError,
)
from ephemeral_server.http.plain import plain

logger = logging.getLogger(__name__)

#: Seconds a client should wait before it sends a request again that was answered with 503.
#: Without the header the Prefect client waits at least two seconds.
RETRY_AFTER = "0.5"

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


def exception_handlers() -> dict[int | type[Exception], Handler]:
    """Every handler of this module, for the ``exception_handlers`` of an app."""
    return {
        RequestValidationError: validation_exception_handler,
        database_errors.IntegrityError: integrity_exception_handler,
        database_errors.DBAPIError: database_exception_handler,
        ObjectNotFoundError: prefect_object_not_found_exception_handler,
        EncryptionKeyError: encryption_key_exception_handler,
        Exception: custom_internal_exception_handler,
    }


async def validation_exception_handler(request: Request, exc: Exception) -> JSONResponse:
    """Answer 422: the request does not have the declared shape.

    The body holds what was wrong (``exception_detail``, as pydantic reports it) and what was
    sent (``request_body``). Parts that JSON cannot hold are described instead, see `plain`.
    """
    assert isinstance(exc, RequestValidationError)
    details = [
        {key: value for key, value in error.items() if key != "url"} for error in exc.errors()
    ]
    return JSONResponse(
        {
            "exception_message": "Invalid request received.",
            "exception_detail": plain(details),
            "request_body": plain(exc.body),
        },
        status_code=422,
    )


async def integrity_exception_handler(request: Request, exc: Exception) -> JSONResponse:
    """Answer 409: a unique or a foreign key refused the change. The cause is logged."""
    logger.error("%s was refused by the database", _line(request), exc_info=exc)
    detail = (
        "Data integrity conflict. This usually means a unique or foreign key constraint was "
        "violated. See server logs for details."
    )
    return JSONResponse({"detail": detail}, status_code=409)


async def database_exception_handler(request: Request, exc: Exception) -> JSONResponse:
    """Answer 422 if a text is too long for an index of PostgreSQL, else as any other error.

    SQLite takes keys and names of any length, PostgreSQL indexes about 2,700 bytes of them.
    """
    cause: Any = getattr(exc, "orig", None)
    if getattr(cause, "sqlstate", None) != _OVER_A_LIMIT:
        return await custom_internal_exception_handler(request, exc)
    reason = f"Value error, the database takes no text of this length: {cause.__cause__ or cause}"
    error = {"type": "value_error", "loc": ("body",), "msg": reason, "input": None}
    return await validation_exception_handler(request, RequestValidationError([error]))


async def prefect_object_not_found_exception_handler(
    request: Request, exc: Exception
) -> JSONResponse:
    """Answer 404 with the message of an `ObjectNotFoundError`."""
    return JSONResponse({"exception_message": str(plain(str(exc)))}, status_code=404)


async def encryption_key_exception_handler(request: Request, exc: Exception) -> JSONResponse:
    """Answer 424 with what is wrong with the key: clients send again what is answered with 503."""
    logger.error("%s: %s", _line(request), exc)
    return JSONResponse({"detail": str(exc)}, status_code=424)


async def custom_internal_exception_handler(request: Request, exc: Exception) -> JSONResponse:
    """Answer 503 with ``Retry-After`` if the request may be sent again, 500 otherwise.

    The Prefect client sends a request again after 503, but not after 500. The cause is
    logged with its traceback, as a warning (503) or an error (500).
    """
    if is_retryable(exc):
        logger.warning("%s may be sent again", _line(request), exc_info=exc)
        return JSONResponse(
            {"exception_message": "Service Unavailable"},
            status_code=503,
            headers={"Retry-After": RETRY_AFTER},
        )
    logger.error("%s failed", _line(request), exc_info=exc)
    return JSONResponse({"exception_message": "Internal Server Error"}, status_code=500)


def is_retryable(exc: BaseException) -> bool:
    """Whether the same request may succeed a moment later.

    So it is with a busy SQLite file, with trouble on the way to the database, and with a
    server that has too much to do or is closing. Statements that the database refuses and
    other errors of SQLite (no such table, disk full) come back however often one asks.
    """
    if isinstance(exc, (OverloadedError, DatabaseClosedError)):
        return True
    if isinstance(exc, sqlite3.OperationalError):
        return _is_busy(exc)
    if isinstance(exc, _REFUSED_STATEMENTS):
        return False
    if isinstance(exc, database_errors.DBAPIError):
        cause = exc.orig
        if isinstance(cause, sqlite3.OperationalError):
            return _is_busy(cause)
        return not str(getattr(cause, "sqlstate", None)).startswith(_REFUSED_STATES)
    lost = ("QueryCanceledError", "ConnectionDoesNotExistError", "CannotConnectNowError")
    return isinstance(exc, _loaded("asyncpg.exceptions", *lost))


_REFUSED_STATEMENTS = (
    database_errors.IntegrityError,
    database_errors.ProgrammingError,
    database_errors.DataError,
    database_errors.NotSupportedError,
)
#: The same as classes of PostgreSQL's SQLSTATE: SQLAlchemy has no classes for all of asyncpg's.
_REFUSED_STATES = ("0A", "22", "23", "42", "54")
#: SQLSTATE of what is longer or deeper than PostgreSQL allows.
_OVER_A_LIMIT = "54000"


class InternalErrorMiddleware:
    """Answers what no handler took, as `custom_internal_exception_handler` does.

    The framework's own last resort answers and then raises again, upon which the HTTP server
    closes the connection and the next request of a pooled client fails with a reset. Here the
    error ends with the answer. Only if a part of another answer is out already it is raised
    again, because then closing the connection is the one way left to tell the client.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            logger.debug("The client of %s %s went away", scope["method"], scope["path"])
        except Exception as exc:  # the boundary: whatever escaped an app becomes an answer
            if started:
                raise
            response = await custom_internal_exception_handler(Request(scope), exc)
            await response(scope, receive, send)


def _is_busy(exc: sqlite3.OperationalError) -> bool:
    # Python before 3.11 does not tell the name of the error.
    name = getattr(exc, "sqlite_errorname", None)
    return name in ("SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT") or "database is locked" in exc.args


def _loaded(module: str, *names: str) -> tuple[type[BaseException], ...]:
    """Classes of a module that nobody can have raised unless it is imported already."""
    found = sys.modules.get(module)
    return () if found is None else tuple(getattr(found, name) for name in names)


def _line(request: Request) -> str:
    return f"{request.scope['method']} {request.scope['path']}"
