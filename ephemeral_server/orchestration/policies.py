"""Which rules apply, in their order.

``CORE`` is for clients, ``MINIMAL`` for forced transitions, a run's first state and what the
server itself decides, ``LATE`` for the service that marks late runs.
"""

from __future__ import annotations

from ephemeral_server.orchestration import flow_rules as flow
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


_KEEP_LEASE = Rule(flow.keep_lease, ANY, ANY, universal=True)
_EVENT = Rule(None, ANY, ANY, after=emit_flow_run_event, universal=True)
_CANCEL = Rule(flow.cancel_without_infrastructure, _only(SCHEDULED, PAUSED), _only(CANCELLING))
_ONLY_SCHEDULED_LATE = Rule(flow.only_scheduled_is_late, ANY, _only(SCHEDULED))
_BUSY = _only(PENDING, RUNNING, CANCELLING, CANCELLED)
_COPY_TIME = Rule(flow.copy_scheduled_time, _only(SCHEDULED), _only(PENDING))
_WAIT = Rule(flow.wait_for_scheduled_time, _only(SCHEDULED, PENDING), _only(RUNNING))

FLOW_CORE: Policy = (
    _KEEP_LEASE,
    Rule(flow.reject_repeated, STATE, STATE),
    Rule(flow.guard_terminal, TERMINAL, STATE, cleanup=flow.restore_policy),
    Rule(flow.only_cancel_cancelling, _only(CANCELLING), STATE - {CANCELLED}),
    _CANCEL,
    Rule(flow.prevent_pending, _BUSY, _only(PENDING)),
    _ONLY_SCHEDULED_LATE,
    Rule(flow.pausing, ANY, _only(PAUSED), after=flow.remember_pause),
    Rule(flow.resuming, _only(PAUSED), STATE, cleanup=flow.restore_resuming),
    _COPY_TIME,
    _WAIT,
    Rule(flow.retry_failed, _only(RUNNING), _only(FAILED)),
    _EVENT,
)

FLOW_MINIMAL: Policy = (
    Rule(flow.guard_result, TERMINAL, TERMINAL),
    _CANCEL,
    _EVENT,
)

FLOW_LATE: Policy = (_ONLY_SCHEDULED_LATE, _EVENT)

_CACHED = Rule(task.retrieve_cached, ANY, _only(RUNNING))
_TERMINAL_TASK = Rule(task.guard_terminal, TERMINAL, STATE, cleanup=task.restore_run_count)
_RETRY_TASK = Rule(task.retry_failed, _only(RUNNING), _only(FAILED))
_RENAME = Rule(task.rename_rerun, ANY, _only(RUNNING))
_ATTEMPT = Rule(None, ANY, _only(RUNNING), after=task.note_flow_attempt)
_CACHE = Rule(task.check_cache_key, ANY, _only(COMPLETED), after=task.insert_cached)

TASK_CORE: Policy = (
    _CACHED,
    _TERMINAL_TASK,
    Rule(task.require_running_flow, ANY, _only(RUNNING)),
    _COPY_TIME,
    _WAIT,
    _RETRY_TASK,
    _RENAME,
    _ATTEMPT,
    _CACHE,
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
)

TASK_MINIMAL: Policy = ()
