"""Events of block types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.events import objects

_TOLD = (
    "name",
    "slug",
    "logo_url",
    "documentation_url",
    "description",
    "code_example",
    "is_protected",
)


def emit_type_event(tx: Transaction, what: str, type: Mapping[Any, Any]) -> None:
    """Tell of something that happens to a block type.

    Args:
        what: such as ``created``.
        type: its row.
    """
    about = objects.resource("block-type", type["id"], type["name"])
    payload = {key: type[key] for key in _TOLD}
    objects.emit(tx, f"prefect.block-type.{what}", about, payload=payload)
