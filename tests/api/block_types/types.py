"""Block types that tests make."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.application import Application

PRESENTED = {
    "logo_url": "https://example.com/logo.png",
    "documentation_url": "https://example.com/docs",
    "description": "what it is",
    "code_example": "what to do",
}


def new_type(application: Application, **given: Any) -> dict[str, Any]:
    """A block type of a new slug, as it is answered."""
    slug = f"t-{uuid4()}"
    reply = application.post("/block_types/", {"name": slug, "slug": slug, **given})
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


def told_of(application: Application, type: dict[str, Any]) -> list[str]:
    """What was told of a type, the oldest first."""
    about = f"prefect.block-type.{type['id']}"
    found = [e for e in application.events if e.resource["prefect.resource.id"] == about]
    return [event.event.removeprefix("prefect.block-type.") for event in found]
