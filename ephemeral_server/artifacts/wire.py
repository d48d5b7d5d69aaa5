"""Artifacts and their collections as JSON."""

from __future__ import annotations

from ephemeral_server.wire import Shape, field, instant, plain, raw, text

_ABOUT = [
    field("type", text),
    field("description", text),
    field("data", raw),
    field("metadata_", raw),
    field("flow_run_id", plain),
    field("task_run_id", plain),
]
_IDENTITY = [
    field("id", plain),
    field("created", instant),
    field("updated", instant),
    field("key", text),
]

#: One version. Needs the columns of its `keys`, as the next does.
ARTIFACT = Shape([*_IDENTITY, *_ABOUT])

#: A key with its latest version.
COLLECTION = Shape([*_IDENTITY, field("latest_id", plain), *_ABOUT])
