"""Block types and schemas of a test's own."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.application import Application


def new_type(application: Application, **given: Any) -> dict[str, Any]:
    """A block type of a new name."""
    name = f"type-{uuid4()}"
    return _made(application, "/block_types/", {"name": name, "slug": name, **given})


def new_schema(
    application: Application,
    type: dict[str, Any],
    fields: dict[str, Any] | None = None,
    **given: Any,
) -> dict[str, Any]:
    """A schema of fields, by default such as no other schema has."""
    if fields is None:
        fields = {"title": str(uuid4())}
    body = {"block_type_id": type["id"], "fields": fields, **given}
    return _made(application, "/block_schemas/", body)


def fields_of(type: dict[str, Any], **given: Any) -> dict[str, Any]:
    """Fields of a block of this type, such as no other schema has."""
    return {"title": str(uuid4()), "type": "object", "block_type_slug": type["slug"], **given}


def reference(type: dict[str, Any], checksum: str) -> dict[str, str]:
    """How fields refer to the schema of another block."""
    return {"block_type_slug": type["slug"], "block_schema_checksum": checksum}


def _made(application: Application, path: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = application.post(path, body)
    assert reply.status_code == 201, reply.text
    object: dict[str, Any] = reply.json()
    return object
