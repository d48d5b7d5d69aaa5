"""Flows as JSON."""

from __future__ import annotations

from ephemeral_server.wire import Shape, field, instant, plain, raw, text

#: Needs the columns of its `keys`.
FLOW = Shape(
    [
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("name", text),
        field("tags", raw),
        field("labels", raw),
    ]
)
