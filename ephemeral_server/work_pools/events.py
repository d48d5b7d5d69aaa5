"""Events of work pools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.events import objects


def emit_pool_event(
    tx: Transaction, what: str, pool: Mapping[Any, Any], payload: dict[str, Any] | None = None
) -> None:
    """Tell of something that happens to a pool.

    Args:
        what: such as ``created``.
        pool: its row.
    """
    related = [] if what == "updated" else _belongings(pool)
    about = _resource(pool, role="work-pool")
    objects.emit(tx, f"prefect.work-pool.{what}", about, related, payload)


def emit_status_event(
    tx: Transaction, what: str, pool: Mapping[Any, Any], *, id: str, follows: str | None
) -> None:
    """Tell of the status that a pool has entered.

    Args:
        id: of the event.
        follows: the id of the event of the status before.
    """
    objects.emit(tx, f"prefect.work-pool.{what}", _resource(pool), id=id, follows=follows)


def _resource(pool: Mapping[Any, Any], role: str | None = None) -> dict[str, str]:
    labels = {"prefect.work-pool.type": pool["type"]}
    return objects.resource("work-pool", pool["id"], pool["name"], role=role, **labels)


def _belongings(pool: Mapping[Any, Any]) -> list[dict[str, str]]:
    found = [objects.resource("work-queue", pool["default_queue_id"], role="default-queue")]
    storage = json.loads(pool["storage_configuration"]).get("default_result_storage_block_id")
    if storage is not None:
        found.append(objects.resource("block-document", storage, role="result-storage"))
    return found
