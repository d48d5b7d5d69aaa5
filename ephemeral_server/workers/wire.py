"""Workers as JSON."""

from __future__ import annotations

from ephemeral_server.wire import Shape, field, instant, number, plain, text

#: Needs the columns of its `keys`.
WORKER = Shape(
    [
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("name", text),
        field("work_pool_id", plain),
        field("last_heartbeat_time", instant),
        field("heartbeat_interval_seconds", number),
        field("status", plain),
    ]
)
