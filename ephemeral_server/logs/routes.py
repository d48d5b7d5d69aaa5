"""Routes of logs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import true

from ephemeral_server.fields import storable
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.reply import CREATED, JsonReply
from ephemeral_server.logs import store
from ephemeral_server.logs.schemas import Log, LogCreate, LogQuery
from ephemeral_server.logs.wire import LOG
from ephemeral_server.runtime import runtime_of

router = APIRouter(prefix="/logs", tags=["Logs"], route_class=DirectRoute)


@router.post("/", status_code=CREATED, response_model=Any)
async def create_logs(body: list[LogCreate], request: Request) -> Response:
    """Keep logs, all or none of them."""
    runtime = runtime_of(request)
    logs = [_new_log(log) for log in body]
    await runtime.database.write(store.create_logs, logs, runtime.live_logs.publish)
    return JsonReply("null", CREATED)


@router.post("/filter", response_model=list[Log])
async def read_logs(request: Request, body: LogQuery | None = None) -> Response:
    """The logs that fit the filter."""
    runtime, body = runtime_of(request), body or LogQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where = body.logs.clause(runtime.database.dialect) if body.logs else true()
    order = store.ORDERS[body.sort.value]
    rows = await runtime.database.read(store.list_logs, where, order, limit, body.offset)
    return JsonReply(LOG.render_all(rows))


def _new_log(log: LogCreate) -> store.NewLog:
    return (
        storable(log["name"]),
        log["level"],
        storable(log["message"]),
        log["timestamp"],
        log.get("flow_run_id"),
        log.get("task_run_id"),
    )
