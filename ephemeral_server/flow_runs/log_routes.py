"""The logs of a flow run as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.responses import StreamingResponse

from ephemeral_server.clock import to_datetime
from ephemeral_server.database import Database
from ephemeral_server.flow_runs.store import read_flow_run_name
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.logs.store import read_log_page
from ephemeral_server.runtime import runtime_of

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=DirectRoute)

COLUMNS = ("timestamp", "level", "flow_run_id", "task_run_id", "message")
#: So many logs are in memory at once.
PAGE = 1000


@router.get(
    "/{id:uuid}/logs/download",
    response_model=None,
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def download_logs(id: UUID, request: Request) -> Response:
    """All logs of a flow run and of its task runs as CSV, the oldest first."""
    database = runtime_of(request).database
    name = await database.read(read_flow_run_name, str(id))
    if name is None:
        raise HTTPException(404, "Flow run not found")
    # The first name is for programs that do not know the second (RFC 6266).
    file = quote(f"{name}-logs.csv", safe="")
    disposition = f"attachment; filename=\"flow-run-logs.csv\"; filename*=UTF-8''{file}"
    return StreamingResponse(
        _pages(database, str(id)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": disposition},
    )


async def _pages(database: Database, id: str) -> AsyncIterator[str]:
    """The file, piece by piece; between two pieces no connection is held."""
    yield _lines([COLUMNS])
    after = None
    while rows := await database.read(read_log_page, id, after, PAGE):
        yield _lines([(to_datetime(row[0]), *row[1:5]) for row in rows])
        after = rows[-1][0], rows[-1][5]


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
