"""The rules of flow runs. `policies` puts them in order."""

from __future__ import annotations

from ephemeral_server.clock import SECOND, later
from ephemeral_server.ids import new_id
from ephemeral_server.orchestration.states import (
    AWAITING_RETRY,
    CANCELLED,
    CANCELLING,
    COMPLETED,
    CRASHED,
    FAILED,
    PAUSED,
    PENDING,
    SCHEDULED,
    TERMINAL,
    State,
    scheduled,
)
from ephemeral_server.orchestration.transition import Transition, both


def reject_repeated(t: Transition) -> None:
    """A request that is sent again after a lost answer changes nothing twice."""
    initial, proposed = both(t)
    transition_id = proposed.details.get("transition_id")
    if transition_id is not None and transition_id == initial.details.get("transition_id"):
        t.reject(None, "This run has already made this state transition.")


def guard_terminal(t: Transition) -> None:
    """What may follow a terminal state."""
    initial, proposed = both(t)
    if proposed.type in (CANCELLING, PAUSED, CRASHED):
        t.abort(f"Run is already in terminal state {initial.type}.")
    elif initial.type == COMPLETED and initial.is_persisted and not proposed.is_terminal:
        t.reject(None, "Run is already COMPLETED.")
    elif _loses_result(t):
        t.reject(None, _LOSES_RESULT)
    elif proposed.type == SCHEDULED and t.run["deployment_id"] is None:
        t.abort("Cannot reschedule a run without an associated deployment.")
    elif not proposed.is_terminal and t.client.knows_pauses:
        retry_type = "reschedule" if proposed.type == SCHEDULED else None
        t.run.set_policy(resuming=False, pause_keys=[], retry_type=retry_type)


def guard_result(t: Transition) -> None:
    """Not even by force is a persisted result overwritten by none."""
    if _loses_result(t):
        t.reject(None, _LOSES_RESULT)


_LOSES_RESULT = (
    "Cannot overwrite a COMPLETED state that carries persisted result data with one that does not."
)


def _loses_result(t: Transition) -> bool:
    initial, proposed = both(t)
    return (
        initial.type == proposed.type == COMPLETED
        and initial.is_persisted
        and not proposed.is_persisted
    )


def restore_policy(t: Transition) -> None:
    """Another rule decided, so what `guard_terminal` cleared is put back."""
    t.run.restore("empirical_policy")


def only_cancel_cancelling(t: Transition) -> None:
    """A run that is being cancelled can only become cancelled."""
    t.reject(None, "Cannot transition flows that are cancelling to a state other than Cancelled.")


def cancel_without_infrastructure(t: Transition) -> None:
    """Nothing runs yet or any more, so there is nothing to wait for."""
    initial, _ = both(t)
    if initial.type == SCHEDULED:
        if t.run["infrastructure_pid"] and initial.name != "Resuming":
            return
        kind = "Scheduled"
    elif initial.details.get("pause_reschedule"):
        kind = "Suspended"
    else:
        return
    cancelled = State(CANCELLED, "Cancelled", t.now())
    t.reject(cancelled, f"{kind} flow run has no infrastructure to terminate.")


def prevent_pending(t: Transition) -> None:
    """Of two workers that pick the same run one loses; a worker may go on naming PENDING."""
    initial, proposed = both(t)
    renamed = proposed.name not in (initial.name, "Pending")
    if initial.type == PENDING and renamed:
        for member in ("scheduled_time", "deployment_concurrency_lease_id"):
            proposed.details[member] = initial.details.get(member)
    else:
        t.abort(f"This run is in a {initial.type} state and cannot transition to a PENDING state.")


def only_scheduled_is_late(t: Transition) -> None:
    """Only a run that waits for its time can be late, and only once."""
    assert t.proposed is not None
    if t.proposed.name != "Late":
        return
    if t.initial is None or t.initial.type != SCHEDULED:
        t.reject(None, "Only scheduled flows can be marked late.")
    elif t.initial.name == "Late":
        t.reject(None, "This flow run is already marked late.")


def pausing(t: Transition) -> None:
    """Only a running flow pauses, and each of its pauses once."""
    assert t.proposed is not None
    details = t.proposed.details
    verb = "suspend" if t.proposed.name == "Suspended" else "pause"
    if t.initial is None:
        t.abort(f"Cannot {verb} flows with no state.")
        return
    if t.initial.type != "RUNNING":
        t.reject(None, f"Cannot {verb} flows that are not currently running.")
        return
    key = details.get("pause_key")
    if key and key in (t.run.policy.get("pause_keys") or []):
        t.reject(None, f"This {verb} has already fired.")
    elif details.get("pause_reschedule"):
        if t.run["parent_task_run_id"] is not None:
            t.abort(f"Cannot {verb} subflows.")
        elif t.run["deployment_id"] is None:
            t.abort(f"Cannot {verb} flows without a deployment.")


def remember_pause(t: Transition) -> None:
    """The pause with this key, or one without a key, has fired."""
    assert t.proposed is not None
    keys = t.run.policy.get("pause_keys") or []
    t.run.set_policy(pause_keys=[*keys, t.proposed.details.get("pause_key") or new_id()])


def resuming(t: Transition) -> None:
    """What may follow a pause, and that the run goes on rather than starts anew."""
    initial, proposed = both(t)
    if proposed.type == PENDING:
        # Clients know this text with the enum's name in it.
        t.reject(
            None,
            "This run cannot transition to the StateType.PENDING state from the "
            "StateType.PAUSED state.",
        )
        return
    if initial.details.get("pause_reschedule") and t.run["deployment_id"] is None:
        name = proposed.name.lower()
        t.reject(None, f"Cannot reschedule a {name} flow run without a deployment.")
        return
    timeout = initial.instant("pause_timeout")
    if proposed.type != CANCELLING and timeout is not None and timeout < t.now():
        verb = "suspend" if proposed.name == "Suspended" else "pause"
        message = f"The flow was {proposed.name.lower()} and never resumed."
        failed = State(FAILED, "Failed", t.now(), message)
        t.reject(failed, f"The flow run {verb} has timed out and can no longer resume.")
        return
    if proposed.type not in TERMINAL:
        t.run.set_policy(resuming=True)


def restore_resuming(t: Transition) -> None:
    """Another rule decided, so the run does not go on."""
    t.run.restore("empirical_policy")


def copy_scheduled_time(t: Transition) -> None:
    """A PENDING state remembers when its run was to start."""
    initial, proposed = both(t)
    if proposed.details.get("scheduled_time") is None:
        proposed.details["scheduled_time"] = initial.details.get("scheduled_time")


def wait_for_scheduled_time(t: Transition) -> None:
    """Nobody starts a run before its time."""
    initial, _ = both(t)
    at = initial.scheduled_time
    if at is not None and (seconds := round((at - t.now()) / SECOND)) > 0:
        t.wait(seconds, "Scheduled time is in the future")


def retry_failed(t: Transition) -> None:
    """A flow run that has retries left is to run again in its process."""
    initial, proposed = both(t)
    policy = t.run.policy
    retries = policy.get("retries")
    if retries is None or t.run["run_count"] > retries:
        t.run.set_policy(retry_type=None)
        return
    if t.client.knows_pauses:
        t.run.set_policy(resuming=False, pause_keys=[], retry_type="in_process")
    at = later(t.now(), policy.get("retry_delay") or 0)
    details = {}
    lease = initial.details.get("deployment_concurrency_lease_id")
    if lease is not None:
        details["deployment_concurrency_lease_id"] = lease
    again = scheduled(
        at, t.now(), AWAITING_RETRY, message=proposed.message, data=proposed.data, details=details
    )
    t.reject(again, "Retrying")
