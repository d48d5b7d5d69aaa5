"""Whether a worker is online: as long as its heartbeats come."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Integer, and_, bindparam, case, cast, func, literal

from ephemeral_server.clock import SECOND
from ephemeral_server.database.tables import worker
from ephemeral_server.database.types import Instant
from ephemeral_server.settings import Settings
from ephemeral_server.work_pools.status import OFFLINE, ONLINE

_C = worker.c


def _silent(
    now: ColumnElement[int], fallback: ColumnElement[int], missing: ColumnElement[int]
) -> ColumnElement[bool]:
    told = cast(_C.heartbeat_interval_seconds, Instant) * SECOND
    interval = func.coalesce(told, fallback)
    return and_(_C.status == ONLINE, now - _C.last_heartbeat_time > interval * missing)


#: Of a worker, whether or not the foreman has noticed yet; for statements with `moment`.
STATUS: ColumnElement[str] = case(
    (
        _silent(
            bindparam("now", type_=Instant),
            bindparam("heartbeat_interval", type_=Instant),
            bindparam("missing_heartbeats", type_=Integer),
        ),
        OFFLINE,
    ),
    else_=_C.status,
)


def moment(now: int, settings: Settings) -> dict[str, int]:
    """The parameters that tell when a worker's heartbeat has been missing too often."""
    return {
        "now": now,
        "heartbeat_interval": round(settings.worker_heartbeat_seconds * SECOND),
        "missing_heartbeats": settings.worker_inactivity_multiple,
    }


def silent(now: int, settings: Settings) -> ColumnElement[bool]:
    """Workers that count as online, and whose heartbeat has been missing too often."""
    values = moment(now, settings).values()
    return _silent(*(literal(value, Instant) for value in values))
