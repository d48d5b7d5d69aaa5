"""The queue of deferred task runs, in the database.

Orchestration puts a run in when it is scheduled. A subscription claims the first one, and takes
it out once its worker has answered. A claim that is not answered in time is void: its server has
died. So every run gets to a worker, and to two of them only if the first fell silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, bindparam, delete, select, update

from ephemeral_server.clock import later
from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import task_run, task_run_delivery
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.orchestration.states import SCHEDULED
from ephemeral_server.orchestration.task_rules import DEFERRED
from ephemeral_server.task_runs.store import read_task_run

#: How long a claim holds (seconds); longer than a worker is given to answer.
CLAIM_SECONDS = 60

_D = task_run_delivery.c


def _free(*what: Any) -> Select[Any]:
    """The deliveries of a task that nobody has claimed, with their runs."""
    return (
        select(*what)
        .join(task_run, task_run.c.id == _D.task_run_id)
        .where(_D.task_key == bindparam("task_key"), _D.free_from <= bindparam("now"))
        .with_for_update(of=task_run_delivery, skip_locked=True)
    )


_NEXT = Prepared(
    _free(_D.task_run_id, task_run.c.state_type)
    .order_by(_D.task_key, _D.first_time, _D.enqueued, _D.task_run_id)
    .limit(1)
)
_STALE = (
    _free(_D.task_run_id).where(task_run.c.state_type.is_distinct_from(SCHEDULED)).correlate(None)
)
_CLAIM = Prepared(
    update(task_run_delivery)
    .where(_D.task_run_id == bindparam("id"))
    .values(claimed_by=bindparam("by"), free_from=bindparam("until"))
)
_CLAIMED = (_D.task_run_id == bindparam("id"), _D.claimed_by == bindparam("by"))
_DONE = Prepared(delete(task_run_delivery).where(*_CLAIMED))
_AGAIN = (
    update(task_run_delivery)
    .where(*_CLAIMED)
    .values(claimed_by=None, free_from=0, first_time=False, enqueued=bindparam("now"))
)


def claim_next(
    tx: Transaction, keys: Sequence[str], claimer: str, done: str | None
) -> Sequence[Any] | None:
    """Take a delivery out of the queue, and claim the next one.

    Args:
        keys: of the tasks, in the order in which they are looked through.
        claimer: the id of who claims it.
        done: the run that was claimed before and was delivered.

    Returns:
        The values of the run by the keys of `TASK_RUN`; None if none waits.
    """
    if done is not None:
        _DONE.run(tx.connection, {"id": done, "by": claimer})
    for key in keys:
        id = _first(tx, key)
        if id is not None:
            until = later(tx.now(), CLAIM_SECONDS)
            _CLAIM.run(tx.connection, {"id": id, "by": claimer, "until": until})
            return read_task_run(tx.connection, id)
    return None


def give_back(tx: Transaction, id: str, key: str, claimer: str) -> None:
    """Let somebody else have a claimed run, before those that were not delivered yet.

    Nothing happens if the claim has gone to another meanwhile.
    """
    tx.connection.execute(_AGAIN, {"id": id, "by": claimer, "now": tx.now()})
    tx.notify(DEFERRED, key)


def give_back_all(tx: Transaction) -> None:
    """Void every claim, when a server has just started on a database of its own."""
    statement = update(task_run_delivery).where(_D.claimed_by.is_not(None))
    tx.connection.execute(statement.values(claimed_by=None, free_from=0, first_time=False))


def _first(tx: Transaction, key: str) -> str | None:
    """The first run of a task that is still to be run; on the way to it, the others go."""
    values = {"task_key": key, "now": tx.now()}
    while (found := _NEXT.first(tx.connection, values)) is not None:
        id, state_type = found
        if state_type == SCHEDULED:
            return str(id)
        stale = delete(task_run_delivery).where(_D.task_run_id.in_(_STALE))
        tx.connection.execute(stale, values)
    return None
