"""Block schemas as JSON."""

from __future__ import annotations

from ephemeral_server.block_types.wire import BLOCK_TYPE
from ephemeral_server.wire import Shape, field, instant, plain, raw, text

#: Needs what `ephemeral_server.block_schemas.store.schema_columns` selects.
BLOCK_SCHEMA = Shape(
    [
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("checksum", text),
        field("fields", raw),
        field("block_type_id", plain),
        BLOCK_TYPE.below("type.").member("block_type"),
        field("capabilities", raw),
        field("version", text),
    ]
)
