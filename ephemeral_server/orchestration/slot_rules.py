"""The rules about slots: those of a flow run's deployment and those of a task run's tags.

A run has a slot only by a lease of its own. The state details name a flow run's lease, since
the process that runs it renews it; that somebody's state names a lease does not make it theirs.
"""

from __future__ import annotations

import json
from typing import Any

from ephemeral_server.clock import later
from ephemeral_server.limits import leases, releases, store
from ephemeral_server.limits.leases import FOREVER, Holder
from ephemeral_server.limits.tags import never_free, tag_of
from ephemeral_server.orchestration.jitter import jittered
from ephemeral_server.orchestration.states import (
    AWAITING_RETRY,
    CANCELLED,
    CANCELLING,
    PAUSED,
    PENDING,
    RUNNING,
    SCHEDULED,
    State,
    scheduled,
)
from ephemeral_server.orchestration.transition import Transition, both

LEASE = "deployment_concurrency_lease_id"
AWAITING_SLOT = "AwaitingConcurrencySlot"
CANCEL_NEW = "CANCEL_NEW"

FULL = "Deployment concurrency limit reached."
LATE_AND_FULL = "Deployment concurrency limit is full and uses the CANCEL_NEW strategy."
LOST = (
    "Deployment concurrency slot lost during provisioning - no slots available to continue "
    "execution"
)
LOST_AND_FULL = "Deployment concurrency limit reached after lease expiry."
NO_SLOTS = "The deployment concurrency limit is 0. The flow will deadlock if submitted again."


def keep_lease(t: Transition) -> None:
    """The lease of a deployment's slot stays visible in later states."""
    if t.initial is not None and t.proposed is not None and not t.proposed.details.get(LEASE):
        lease = t.initial.details.get(LEASE)
        if lease is not None:
            t.proposed.details[LEASE] = lease


def keep_held_lease(t: Transition) -> None:
    """By force as well, as long as the run has the slot: else nobody would give it back."""
    lease = None if t.initial is None else t.initial.details.get(LEASE)
    if lease is not None and leases.is_held(t.tx.connection, lease, _holder(t)):
        keep_lease(t)


def secure_slot(t: Transition) -> None:
    """A run of a deployment with a limit goes to a worker only with a slot of it."""
    assert t.proposed is not None
    if t.run["deployment_id"] is None or t.client.takes_slots:
        return
    if t.run.get("deployment.name") is None:
        t.abort("Deployment not found.")
        return
    limit_id = t.run["deployment.concurrency_limit_id"]
    if limit_id is None or _renew(t):
        return
    t.lease = leases.acquire(t.tx, [limit_id], _grace(t), holder=_holder(t))
    if t.lease is not None:
        t.proposed.details[LEASE] = t.lease
        return
    limit = store.read_limit(t.tx.connection, t.now(), limit_id)
    if limit is not None and limit.slots <= 0:
        t.abort(NO_SLOTS)
    elif _options(t).get("collision_strategy") == CANCEL_NEW:
        t.reject(State(CANCELLED, "Cancelled", t.now(), FULL), FULL)
    else:
        at = later(t.now(), t.settings.deployment_slot_wait_seconds)
        t.reject(scheduled(at, t.now(), AWAITING_SLOT), FULL)


def confirm_slot(t: Transition) -> None:
    """A run that starts has its slot still, or gets another: its worker may have taken long."""
    initial, proposed = both(t)
    if initial.details.get(LEASE) is None:
        return
    proposed.details[LEASE] = initial.details[LEASE]
    limit_id = t.run.get("deployment.concurrency_limit_id")
    if limit_id is None or not t.client.renews_leases or _renew(t):
        return
    t.lease = leases.acquire(t.tx, [limit_id], _grace(t), holder=_holder(t))
    if t.lease is not None:
        proposed.details[LEASE] = t.lease
    else:
        t.reject(State(CANCELLED, "Cancelled", t.now(), LOST), LOST_AND_FULL)


def give_up(t: Transition) -> None:
    """Another rule decided, so the slots that this transition took are given back."""
    if t.lease is not None:
        releases.release(t.tx, t.lease, used=False)
        t.lease = None


def stop_expiry(t: Transition) -> None:
    """A client that renews no lease has its slot until its run is over."""
    assert t.initial is not None
    lease = t.initial.details.get(LEASE)
    if lease is not None and not t.client.renews_leases:
        leases.renew(t.tx, lease, FOREVER, _holder(t))


def release_slot(t: Transition) -> None:
    """A run whose process is over gives its slot back."""
    if t.initial is None or t.proposed is None:
        return
    lease = t.initial.details.get(LEASE)
    if lease is not None and not _goes_on(t, t.initial, t.proposed):
        limit_id = t.run.get("deployment.concurrency_limit_id")
        limit_ids = [] if limit_id is None else [limit_id]
        releases.release_held(t.tx, _holder(t), lease_id=lease, limit_ids=limit_ids)


def _goes_on(t: Transition, initial: State, state: State) -> bool:
    """Whether the process of the run lives on in `state`, or is to come."""
    if state.type == PAUSED:
        return not state.details.get("pause_reschedule")
    if state.type == SCHEDULED:
        in_process = state.name == AWAITING_RETRY and t.status == "REJECT"
        return in_process or initial.type == SCHEDULED
    return state.type in (PENDING, RUNNING, CANCELLING)


def cancel_late(t: Transition) -> None:
    """Where a run that finds no slot is to be cancelled, it does not even become late."""
    _, proposed = both(t)
    limit_id = t.run.get("deployment.concurrency_limit_id")
    if proposed.name != "Late" or limit_id is None:
        return
    if _options(t).get("collision_strategy") == CANCEL_NEW:
        limit = store.read_limit(t.tx.connection, t.now(), limit_id)
        if limit is not None and limit.active_slots >= limit.slots:
            t.reject(State(CANCELLED, "Cancelled", t.now(), FULL), LATE_AND_FULL)


def _holder(t: Transition) -> Holder:
    return Holder("flow_run", t.run.id)


def _renew(t: Transition) -> bool:
    """Whether the run has a slot by the lease of its state, which then is renewed."""
    assert t.proposed is not None
    lease = t.initial.details.get(LEASE) if t.initial is not None else None
    if lease is None or not leases.renew(t.tx, lease, _grace(t), _holder(t)):
        return False
    t.proposed.details[LEASE] = lease
    return True


def _grace(t: Transition) -> float:
    """For how many seconds a run keeps its slot without a sign of life."""
    grace: float | None = _options(t).get("grace_period_seconds")
    return t.settings.initial_deployment_lease_seconds if grace is None else grace


def _options(t: Transition) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(t.run.get("deployment.concurrency_options") or "{}") or {}
    return options


def secure_tag_slots(t: Transition) -> None:
    """A task run starts only with a slot of the limit of each of its tags."""
    names = _tag_limits(t)
    if not names:
        return
    limits = store.read_limits_by_name(t.tx.connection, t.now(), names)
    limits = [limit for limit in limits if limit.active]
    for limit in limits:
        if limit.slots <= 0:
            t.abort(never_free(limit))
            return
    holder = Holder("task_run", t.run.id)
    held = {id for lease in leases.leases_of(t.tx.connection, holder) for id in lease.limit_ids}
    wanted = [limit.id for limit in limits if limit.id not in held]
    if not wanted:
        return
    t.lease = leases.acquire(t.tx, wanted, FOREVER, holder=holder)
    if t.lease is None:
        tags = ", ".join(tag_of(limit.name) for limit in limits)
        t.wait(_tag_delay(t, limits), f"Concurrency limit reached for tags: {tags}")


def _tag_delay(t: Transition, limits: list[store.Limit]) -> int:
    """For how many seconds to wait for the fullest of the limits, a little more or less."""
    longest = t.settings.tag_slot_wait_seconds
    fullest = max(limits, key=lambda limit: limit.active_slots / limit.slots)
    mean = min(fullest.avg_slot_occupancy_seconds or longest, longest)
    return round(jittered(mean, 0.3)) if mean > 0 else 0


def release_tag_slots(t: Transition) -> None:
    """A task run that does not run gives the slots of its tags back."""
    if t.initial is None or t.proposed is None or t.proposed.type in (RUNNING, CANCELLING):
        return
    if names := _tag_limits(t):
        releases.release_held_by_name(t.tx, Holder("task_run", t.run.id), names)


def _tag_limits(t: Transition) -> list[str]:
    """The names of the limits that the run's tags may have."""
    text = t.run["tags"]
    if text == "[]":
        return []
    return [store.TAG_PREFIX + tag for tag in dict.fromkeys(json.loads(text))]
