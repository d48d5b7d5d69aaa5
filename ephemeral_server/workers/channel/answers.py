"""What the server says to workers over their channel: JSON text of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ephemeral_server.clock import isoformat
from ephemeral_server.ids import new_id
from ephemeral_server.wire import dump
from ephemeral_server.work_pools.store import PoolRow
from ephemeral_server.work_pools.wire import WORK_POOL
from ephemeral_server.workers.channel.frames import VERSION, Hello
from ephemeral_server.workers.cleanup.deliveries import Delivery
from ephemeral_server.workers.cleanup.operations import Result

INITIAL = "initial"
UPDATED = "work_pool_updated"
RECONCILIATION = "heartbeat_reconciliation"


def ready(now: int, hello: Hello, queues: Sequence[tuple[str, str]], pool: str) -> str:
    """The answer to a hello.

    Args:
        now: microseconds since 1970 UTC, as in all functions here.
        queues: ids and names of those that the worker serves.
        pool: JSON.
    """
    payload = {
        "consumer_id": hello.consumer_id,
        "worker_id": None,
        "selected_channel_version": VERSION,
        "effective_heartbeat_interval_seconds": hello.heartbeat_interval_seconds,
        "accepted_capabilities": hello.accepted_capabilities,
        "rejected_capabilities": hello.rejected_capabilities,
        "effective_max_cleanup_concurrency": hello.cleanup_concurrency,
        "resolved_work_queues": [{"id": id, "name": name} for id, name in queues],
    }
    initial = f'"initial_snapshot":{_snapshot(1, INITIAL, pool)}'
    return _frame("worker.ready.v1", now, f"{dump(payload)[:-1]},{initial}}}")


def snapshot(now: int, sequence: int, reason: str, pool: str) -> str:
    """The pool as it is now.

    Args:
        sequence: counts the snapshots of a channel.
        pool: JSON.
    """
    return _frame("work_pool.snapshot.v1", now, _snapshot(sequence, reason, pool))


def cleanup_message(now: int, delivery: Delivery) -> str:
    """What the worker is to clean up."""
    payload = {
        "message_id": delivery.message_id,
        "reservation_token": delivery.token,
        "lease_expires_at": isoformat(delivery.lease_expires_at),
        "delivery_count": delivery.count,
        "work_queue_id": delivery.work_queue_id,
        "kind": delivery.kind,
    }
    rest = f'"target":{delivery.target},"data":{delivery.data}'
    return _frame("cleanup.message.v1", now, f"{dump(payload)[:-1]},{rest}}}")


def operation_result(
    now: int, request_id: str, message_id: str, operation: str, result: Result
) -> str:
    """How an operation ended.

    Args:
        request_id: the id of the frame that asked for it.
    """
    until = result.lease_expires_at
    payload: dict[str, Any] = {
        "request_frame_id": request_id,
        "message_id": message_id,
        "operation": operation,
        "status": result.status,
        "lease_expires_at": None if until is None else isoformat(until),
        "reason": result.reason,
        "detail": None,
    }
    return _frame("cleanup.operation_result.v1", now, dump(payload))


def pool_json(pool: PoolRow) -> str:
    """A pool as it is in a snapshot."""
    return WORK_POOL.render_row(pool)


def _snapshot(sequence: int, reason: str, pool: str) -> str:
    return f'{{"snapshot_sequence":{sequence},"reason":"{reason}","work_pool":{pool}}}'


def _frame(type: str, now: int, payload: str) -> str:
    head = f'"type":"{type}","id":"{new_id(now)}","sent_at":"{isoformat(now)}"'
    return f'{{{head},"payload":{payload}}}'
