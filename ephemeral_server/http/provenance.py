"""Who asks for something to be made: automations say so in headers."""

from __future__ import annotations

import base64
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header

from ephemeral_server.fields import storable


async def created_by(
    prefect_automation_id: Annotated[UUID | None, Header()] = None,
    prefect_automation_name: Annotated[str | None, Header()] = None,
) -> dict[str, Any] | None:
    """The value of ``created_by``, from the headers; None for requests of nobody in particular.

    The name is base64 of UTF-8; one that is empty or cannot be decoded counts as absent. It
    loses its NULs, as PostgreSQL could not look into the value again. (A coroutine, since the
    framework sends plain functions to a thread of their own.)
    """
    if prefect_automation_id is None or not prefect_automation_name:
        return None
    try:
        name = base64.b64decode(prefect_automation_name, validate=True).decode()
    except ValueError:  # no base64, not even ASCII, or no UTF-8 inside
        return None
    id_ = str(prefect_automation_id)
    return {"id": id_, "type": "AUTOMATION", "display_value": storable(name)}
