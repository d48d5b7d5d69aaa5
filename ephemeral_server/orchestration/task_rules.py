"""The rules of task runs. `policies` puts them in order.

Clients of today keep the states of most task runs themselves and report them as events;
these rules serve ``set_state``: background tasks, subflow placeholders, other clients.
"""

from __future__ import annotations

from sqlalchemy import bindparam, or_, select

from ephemeral_server.clock import later
from ephemeral_server.database.tables import (
    artifact,
    task_run_delivery,
    task_run_state,
    task_run_state_cache,
)
from ephemeral_server.database.upsert import insert_or_replace
from ephemeral_server.ids import new_id
from ephemeral_server.orchestration.jitter import jittered
from ephemeral_server.orchestration.states import (
    AWAITING_RETRY,
    CANCELLING,
    COMPLETED,
    CRASHED,
    PAUSED,
    RUNNING,
    State,
    load_details,
    scheduled,
)
from ephemeral_server.orchestration.storage import state_columns, state_from
from ephemeral_server.orchestration.transition import Transition, both

#: Notices of deferred task runs that wait for a task worker; the subject is their task key.
DEFERRED = "deferred task runs"

_CACHED = (
    select(*state_columns(task_run_state))
    .select_from(task_run_state_cache)
    .join(task_run_state, task_run_state.c.id == task_run_state_cache.c.task_run_state_id)
    .outerjoin(artifact, artifact.c.id == task_run_state.c.result_artifact_id)
    .where(task_run_state_cache.c.cache_key == bindparam("cache_key"))
    .where(
        or_(
            task_run_state_cache.c.cache_expiration.is_(None),
            task_run_state_cache.c.cache_expiration > bindparam("now"),
        )
    )
    .order_by(task_run_state_cache.c.created.desc(), task_run_state_cache.c.id.desc())
    .limit(1)
)


def retrieve_cached(t: Transition) -> None:
    """A result under the same key spares the run."""
    assert t.proposed is not None
    key = t.proposed.details.get("cache_key")
    if not key or t.proposed.details.get("refresh_cache"):
        return
    row = t.tx.connection.execute(_CACHED, {"cache_key": key, "now": t.now()}).first()
    if row is not None:
        cached = state_from(row._asdict())
        t.reject(cached.copy(t.now(), name="Cached"), "Retrieved state from cache")


def insert_cached(t: Transition) -> None:
    """Remember the result under its key."""
    assert t.proposed is not None
    key = t.proposed.details.get("cache_key")
    if not key or len(key) > t.settings.max_cache_key_length:
        return
    now = t.now()
    row = {
        "id": new_id(now),
        "created": now,
        "updated": now,
        "cache_key": key,
        "cache_expiration": t.proposed.instant("cache_expiration"),
        "task_run_state_id": t.proposed.id,
    }
    t.tx.connection.execute(task_run_state_cache.insert(), row)


def check_cache_key(t: Transition) -> None:
    """A key that is too long is not remembered; the state is entered all the same."""
    assert t.proposed is not None
    key, longest = t.proposed.details.get("cache_key"), t.settings.max_cache_key_length
    if key and len(key) > longest:
        t.reject(t.proposed, f"Cache key exceeded maximum allowed length of {longest} characters.")


def guard_terminal(t: Transition) -> None:
    """What may follow a terminal state."""
    initial, proposed = both(t)
    if proposed.type in (CANCELLING, PAUSED, CRASHED):
        t.abort(f"Run is already {initial.type}.")
    elif initial.type == COMPLETED and initial.is_persisted:
        t.reject(None, "This run is already completed.")
    elif not proposed.is_terminal:
        t.run["run_count"] = 0
        attempt = t.run.get("flow_run.run_count")
        if proposed.type == RUNNING and attempt and t.run["flow_run_run_count"] < attempt:
            proposed.name = "Retrying"


def restore_run_count(t: Transition) -> None:
    """Another rule decided, so what `guard_terminal` zeroed is put back."""
    t.run.restore("run_count")


def require_running_flow(t: Transition) -> None:
    """A task runs only while its flow does."""
    flow_run_id = t.run["flow_run_id"]
    if flow_run_id is None:
        return
    flow_state = t.run.get("flow_run.state_type")
    if flow_state not in (RUNNING, PAUSED):
        t.abort("The enclosing flow must be running to begin task execution.")
    elif flow_state == PAUSED:
        pause = load_details(t.run["flow_run.state_details"])
        kept = ("pause_timeout", "pause_reschedule")
        details = {member: pause[member] for member in kept if member in pause}
        t.reject(
            State(PAUSED, "NotReady", t.now(), details=details),
            f"The flow is paused, new tasks can execute after resuming flow run: {flow_run_id}.",
        )


def copy_parameters_id(t: Transition) -> None:
    """Where a background task's parameters are kept stays known until it runs."""
    initial, proposed = both(t)
    if proposed.details.get("task_parameters_id") is None:
        proposed.details["task_parameters_id"] = initial.details.get("task_parameters_id")


def retry_failed(t: Transition) -> None:
    """A task run that has retries left waits for its next try."""
    _, proposed = both(t)
    retries = t.run.policy.get("retries")
    if proposed.details.get("retriable") is False or retries is None:
        return
    if t.run["run_count"] <= retries:
        at = later(t.now(), _retry_delay(t))
        again = scheduled(at, t.now(), AWAITING_RETRY, message=proposed.message, data=proposed.data)
        t.reject(again, "Retrying")


def _retry_delay(t: Transition) -> float:
    """Seconds until the next try."""
    delay = t.run.policy.get("retry_delay") or 0
    if isinstance(delay, list):
        delay = delay[max(0, min(t.run["run_count"], len(delay)) - 1)]
    factor = t.run.policy.get("retry_jitter_factor")
    return jittered(delay, factor) if factor and delay > 0 else float(delay)


def rename_rerun(t: Transition) -> None:
    """A state's name tells that the run has started before."""
    assert t.proposed is not None
    if t.run["run_count"] > 0:
        waited = t.initial is not None and t.initial.name == AWAITING_RETRY
        t.proposed.name = "Retrying" if waited else "Rerunning"


def note_flow_attempt(t: Transition) -> None:
    """The run knows in which attempt of its flow it started."""
    if t.run["flow_run_id"] is not None:
        t.run["flow_run_run_count"] = t.run.get("flow_run.run_count") or 0


def enqueue_deferred(t: Transition) -> None:
    """A task worker is to be given the run."""
    state = t.proposed
    if state is None or not state.details.get("deferred"):
        return
    row = {
        "task_run_id": t.run.id,
        "task_key": t.run["task_key"],
        "first_time": state.name != AWAITING_RETRY,
        "enqueued": t.now(),
        "claimed_by": None,
        "free_from": 0,
    }
    statement = insert_or_replace(t.tx.dialect, task_run_delivery, "task_run_id")
    t.tx.connection.execute(statement, row)
    t.tx.notify(DEFERRED, t.run["task_key"])
