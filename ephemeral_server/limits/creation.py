"""Making concurrency limits."""

from __future__ import annotations

from typing import Any

from ephemeral_server.database.tables import concurrency_limit
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.ids import new_id

#: How long a slot of a new limit is thought to be taken (seconds), until it is known.
_OCCUPANCY = 2.0


def create_limit(
    tx: Transaction,
    name: str,
    slots: int,
    *,
    active: bool = True,
    active_slots: int = 0,
    denied_slots: int = 0,
    slot_decay_per_second: float = 0.0,
) -> dict[str, Any] | None:
    """Make a limit; its row, or None if there is one of this name. Nobody is told.

    Args:
        slots: how many it has.
        active: whether it is in force.
        active_slots: how many are taken already.
        denied_slots: how many were asked for in vain.
        slot_decay_per_second: how many of those come back by themselves.
    """
    now = tx.now()
    row = {
        "id": new_id(now),
        "created": now,
        "updated": now,
        "name": name,
        "active": active,
        "slots": slots,
        "active_slots": active_slots,
        "denied_slots": denied_slots,
        "slot_decay_per_second": float(slot_decay_per_second),
        "avg_slot_occupancy_seconds": _OCCUPANCY,
        "decays_from": now,
        "denied_decays_from": now,
    }
    insert = insert_or_ignore(tx.dialect, concurrency_limit, "name")
    return row if tx.connection.execute(insert, row).rowcount else None
