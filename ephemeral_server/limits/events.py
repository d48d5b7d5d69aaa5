"""Events of concurrency limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.events import objects


def emit_limit_event(tx: Transaction, what: str, limit: Mapping[Any, Any]) -> None:
    """Tell of something that happens to a limit.

    Args:
        what: such as ``created``.
        limit: its row.
    """
    payload = {
        "name": limit["name"],
        "limit": limit["slots"],
        "active": limit["active"],
        "slot_decay_per_second": limit["slot_decay_per_second"],
    }
    about = objects.resource("concurrency-limit", limit["id"], limit["name"])
    objects.emit(tx, f"prefect.concurrency-limit.{what}", about, payload=payload)
