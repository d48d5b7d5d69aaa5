"""Routes at the root that a client tries to see whether the server is there and well."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection, literal, select
from sqlalchemy.exc import DBAPIError

from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump

router = APIRouter(tags=["Root"], route_class=DirectRoute)
logger = logging.getLogger(__name__)

_ONE = select(literal(1))


@router.get("/hello", response_model=str)
async def hello() -> Response:
    """Say hello."""
    return JsonReply(dump("👋"))


@router.get("/ready", response_model=Any)
async def perform_readiness_check(request: Request) -> Response:
    """Whether the server can do its work: 503 while the database does not answer."""
    try:
        await runtime_of(request).database.read(_ask)
    except (DBAPIError, DatabaseClosedError, OSError) as error:  # OSError: no connection at all
        logger.warning("The database does not answer: %s", error)
        return JsonReply(dump({"message": "Database is not available"}), 503)
    return JsonReply(dump({"message": "OK"}))


def _ask(connection: Connection) -> None:
    connection.execute(_ONE)
