"""Logs as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ephemeral_server.wire import Shape, field, instant, number, plain, text

#: Needs the columns of its `keys`.
LOG = Shape(
    [
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("name", text),
        field("level", number),
        field("message", text),
        field("timestamp", instant),
        field("flow_run_id", plain),
        field("task_run_id", plain),
    ]
)


def live_message(row: Sequence[Any]) -> str:
    """What those who watch logs are sent of one; `row` as for `LOG`.

    Clients know live logs without the instants of their being stored.
    """
    id, _, _, *values = row
    return f'{{"type":"log","log":{LOG.render((id, None, None, *values))}}}'
