"""A flow run as a worker is given it."""

from __future__ import annotations

from typing import Any

from ephemeral_server.flow_runs.wire import FLOW_RUN_ALONE
from ephemeral_server.wire import Field, Shape, field, plain


def _flow_run(now: int, *values: Any) -> str:
    return FLOW_RUN_ALONE.render(values, now)


WORKER_FLOW_RUN = Shape(
    (
        field("work_pool_id", plain),
        field("work_queue_id", plain),
        Field("flow_run", _flow_run, FLOW_RUN_ALONE.keys, timed=True),
    )
)
