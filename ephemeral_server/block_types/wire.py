"""Block types as JSON."""

from __future__ import annotations

from ephemeral_server.wire import Shape, boolean, field, instant, plain, text

#: Needs the columns of its `keys`.
BLOCK_TYPE = Shape(
    [
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("name", text),
        field("slug", text),
        field("logo_url", text),
        field("documentation_url", text),
        field("description", text),
        field("code_example", text),
        field("is_protected", boolean),
    ]
)
