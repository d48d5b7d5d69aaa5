"""Events of collections of artifacts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.events import objects


def emit_collection_event(tx: Transaction, what: str, collection: Mapping[Any, Any]) -> None:
    """Tell of something that happens to a collection.

    Args:
        what: ``created``, ``updated`` or ``deleted``.
        collection: its row.
    """
    related = [objects.resource("artifact", collection["latest_id"], role="latest")]
    for kind in ("flow-run", "task-run"):
        id = collection[f"{kind.replace('-', '_')}_id"]
        if id is not None:
            related.append(objects.resource(kind, id, role=kind))
    payload = {
        "key": collection["key"],
        "type": collection["type"],
        "data": json.loads(collection["data"] or "null"),
        "description": collection["description"],
    }
    about = objects.resource("artifact-collection", collection["id"], collection["key"])
    objects.emit(tx, f"prefect.artifact-collection.{what}", about, related, payload)
