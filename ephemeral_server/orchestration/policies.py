"""Which rules apply, in their order.

``CORE`` is for clients, ``MINIMAL`` for forced transitions, a run's first state and what the
server itself decides, ``LATE`` for the service that marks late runs.
"""

from __future__ import annotations

from ephemeral_server.orchestration import flow_rules as flow
from ephemeral_server.orchestration import slot_rules as slot
from ephemeral_server.orchestration import task_rules as task
from ephemeral_server.orchestration.events import emit_flow_run_event
from ephemeral_server.orchestration.states import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    FAILED,
    PAUSED,
    PENDING,
    RUNNING,
    SCHEDULED,
)
from ephemeral_server.orchestration.states import TERMINAL as _TERMINAL
from ephemeral_server.orchestration.transition import ANY, Policy, Rule, Types

STATE: Types = ANY - {None}
TERMINAL: Types = frozenset(_TERMINAL)


def _only(*types: str) -> Types:
    return frozenset(types)


_KEEP_LEASE = Rule(slot.keep_lease, ANY, ANY, universal=True)
_KEEP_HELD = Rule(slot.keep_held_lease, ANY, ANY, universal=True)
_RELEASE = Rule(None, ANY, ANY, after=slot.release_slot, universal=True)
_EVENT = Rule(None, ANY, ANY, after=emit_flow_run_event, universal=True)
_CANCEL = Rule(flow.cancel_without_infrastructure, _only(SCHEDULED, PAUSED), _only(CANCELLING))
_ONLY_SCHEDULED_LATE = Rule(flow.only_scheduled_is_late, ANY, _only(SCHEDULED))
_BUSY = _only(PENDING, RUNNING, CANCELLING, CANCELLED)
#: No other state becomes PENDING from here but by a change of its name, which costs no slot.
_SECURED = _only(PENDING, RUNNING, CANCELLING, PAUSED)
_COPY_TIME = Rule(flow.copy_scheduled_time, _only(SCHEDULED), _only(PENDING))
_WAIT = Rule(flow.wait_for_scheduled_time, _only(SCHEDULED, PENDING), _only(RUNNING))

FLOW_CORE: Policy = (
    _KEEP_LEASE,
    Rule(flow.reject_repeated, STATE, STATE),
    Rule(flow.guard_terminal, TERMINAL, STATE, cleanup=flow.restore_policy),
    Rule(flow.only_cancel_cancelling, _only(CANCELLING), STATE - {CANCELLED}),
    _CANCEL,
    Rule(flow.prevent_pending, _BUSY, _only(PENDING)),
    Rule(slot.confirm_slot, _only(PENDING), _only(RUNNING), cleanup=slot.give_up),
    Rule(slot.secure_slot, ANY - _SECURED, _only(PENDING), cleanup=slot.give_up),
    Rule(None, _only(PENDING), _only(RUNNING, CANCELLING), after=slot.stop_expiry),
    _ONLY_SCHEDULED_LATE,
    Rule(flow.pausing, ANY, _only(PAUSED), after=flow.remember_pause),
    Rule(flow.resuming, _only(PAUSED), STATE, cleanup=flow.restore_resuming),
    _COPY_TIME,
    _WAIT,
    Rule(flow.retry_failed, _only(RUNNING), _only(FAILED)),
    _EVENT,
    _RELEASE,
)

FLOW_MINIMAL: Policy = (
    _KEEP_HELD,
    Rule(flow.guard_result, TERMINAL, TERMINAL),
    _CANCEL,
    _EVENT,
    _RELEASE,
)

FLOW_LATE: Policy = (
    _KEEP_HELD,
    _ONLY_SCHEDULED_LATE,
    Rule(slot.cancel_late, _only(SCHEDULED), _only(SCHEDULED)),
    _EVENT,
    _RELEASE,
)

_CACHED = Rule(task.retrieve_cached, ANY, _only(RUNNING))
_TERMINAL_TASK = Rule(task.guard_terminal, TERMINAL, STATE, cleanup=task.restore_run_count)
_RETRY_TASK = Rule(task.retry_failed, _only(RUNNING), _only(FAILED))
_RENAME = Rule(task.rename_rerun, ANY, _only(RUNNING))
_ATTEMPT = Rule(None, ANY, _only(RUNNING), after=task.note_flow_attempt)
_RELEASE_TAGS = Rule(None, ANY, ANY, after=slot.release_tag_slots, universal=True)
_CACHE = Rule(task.check_cache_key, ANY, _only(COMPLETED), after=task.insert_cached)

TASK_CORE: Policy = (
    _CACHED,
    _TERMINAL_TASK,
    Rule(task.require_running_flow, ANY, _only(RUNNING)),
    Rule(slot.secure_tag_slots, ANY, _only(RUNNING), cleanup=slot.give_up),
    _COPY_TIME,
    _WAIT,
    _RETRY_TASK,
    _RENAME,
    _ATTEMPT,
    _CACHE,
    _RELEASE_TAGS,
)

TASK_BACKGROUND: Policy = (
    Rule(flow.prevent_pending, _BUSY, _only(PENDING)),
    _CACHED,
    _TERMINAL_TASK,
    _COPY_TIME,
    Rule(task.copy_parameters_id, _only(SCHEDULED, PENDING), _only(PENDING, RUNNING)),
    _WAIT,
    _RETRY_TASK,
    _RENAME,
    _ATTEMPT,
    _CACHE,
    _RELEASE_TAGS,
    Rule(None, ANY, _only(SCHEDULED), after=task.enqueue_deferred),
)

TASK_MINIMAL: Policy = (_RELEASE_TAGS,)
