"""Work queues as JSON."""

from __future__ import annotations

from ephemeral_server.wire import Shape, boolean, field, instant, number, plain, raw, text

#: What clients of long ago know of a queue; needs the columns of its `keys`.
WORK_QUEUE_ALONE = Shape(
    [
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("name", text),
        field("description", text),
        field("is_paused", boolean),
        field("concurrency_limit", number),
        field("priority", number),
        field("work_pool_id", plain),
        field("filter", raw),
        field("last_polled", instant),
    ]
)

#: Needs the columns of its `keys`; see `ephemeral_server.work_queues.store.QUEUES`.
WORK_QUEUE = Shape(
    [
        *WORK_QUEUE_ALONE.fields,
        field("work_pool_name", text),
        field("status", plain),
        field("active_slots", number),
    ]
)
