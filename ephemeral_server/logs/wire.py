"""Logs as JSON."""

from __future__ import annotations

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
