"""What workers say over their channel."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

Json = dict[str, Any]

VERSION = "work_pool_worker_channel.v1"
HEARTBEATS, SNAPSHOTS = "worker_heartbeat.v1", "work_pool_snapshot.v1"
CLEANUP = "cleanup_delivery.v1"
TIMEOUT, CLAIM = "cancelling_timeout_teardown.v1", "pending_claim_teardown.v1"

#: Members of a hello of a worker that cleans up.
CLEANER: Json = {
    "requested_capabilities": [HEARTBEATS, SNAPSHOTS, CLEANUP],
    "handled_cleanup_kinds": [TIMEOUT],
}


def frame(type: str, payload: Json, **changes: Any) -> Json:
    """A frame; a change to None leaves the member out."""
    made: Json = {"type": type, "id": str(uuid4()), "sent_at": "2026-11-22T09:37:47Z"}
    made |= {"payload": payload, **changes}
    return {name: value for name, value in made.items() if value is not None}


def hello(*left_out: str, **changes: Any) -> Json:
    """The payload of a hello."""
    made = {
        "consumer_id": str(uuid4()),
        "worker_name": "worker",
        "worker_type": "process",
        "heartbeat_interval_seconds": 30,
        "supported_channel_versions": [VERSION],
        "requested_capabilities": [HEARTBEATS, SNAPSHOTS],
        **changes,
    }
    return {name: value for name, value in made.items() if name not in left_out}


def heartbeat(said: Json, **changes: Any) -> Json:
    """A heartbeat of the worker that has said a hello."""
    names = ("consumer_id", "worker_name", "heartbeat_interval_seconds")
    return frame("worker.heartbeat.v1", {**{name: said[name] for name in names}, **changes})


def operation(name: str, message_id: str, token: str, **further: Any) -> Json:
    """What is done with a cleanup message: ``ack``, ``renew`` or ``release``."""
    if name == "release":
        further.setdefault("reason", "too much to do")
    payload = {"message_id": message_id, "reservation_token": token, **further}
    return frame(f"cleanup.{name}.v1", payload)
