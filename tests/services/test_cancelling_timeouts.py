"""Flow runs that nobody ends although they are to be cancelled are called cancelled."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from ephemeral_server.database.tables import flow_run
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.services.cancelling_timeouts import CancellingTimeouts
from tests.orchestration.runs import TYPES, Run, Runs
from tests.orchestration.slots import Slots
from tests.orchestration.test_subflows import subflow
from tests.services.passes import Passes
from tests.workers.pools import Pool
from tests.workers.queue import Queue

TIMEOUT = 300.0
MESSAGE = "Flow run cancellation timed out; marked this flow run as Cancelled."


def cancelling(runs: Runs) -> Run:
    run = runs.flow_run("RUNNING")
    runs.clock.advance(1)
    assert run.propose("CANCELLING").type == "CANCELLING"
    return run


def test_it_is_called_cancelled_when_the_time_is_over(runs: Runs, passes: Passes) -> None:
    run = cancelling(runs)
    runs.clock.advance(TIMEOUT - 0.001)
    assert passes.cancelling_timeouts() == CancellingTimeouts()
    runs.clock.advance(0.001)
    assert passes.cancelling_timeouts() == CancellingTimeouts(cancelled=1)
    assert (run.state["type"], run.state["name"]) == ("CANCELLED", "Cancelled")
    assert run.state["message"] == MESSAGE
    assert run.events()[-1].event == "prefect.flow-run.Cancelled"


def test_it_is_called_so_once(runs: Runs, passes: Passes) -> None:
    run = cancelling(runs)
    runs.clock.advance(TIMEOUT)
    passes.cancelling_timeouts()
    assert passes.cancelling_timeouts() == CancellingTimeouts()
    assert len(run.states()) == 3


@pytest.mark.parametrize("type", [type for type in TYPES if type != "CANCELLING"])
def test_other_states_have_no_such_end(runs: Runs, passes: Passes, type: str) -> None:
    run = runs.flow_run(type)
    runs.clock.advance(TIMEOUT)
    assert passes.cancelling_timeouts() == CancellingTimeouts()
    assert run.state["type"] == type


def test_the_time_begins_anew_with_each_cancelling_state(runs: Runs, passes: Passes) -> None:
    run = cancelling(runs)
    runs.clock.advance(200)
    run.propose("CANCELLING", "Again", force=True)
    runs.clock.advance(200)
    assert passes.cancelling_timeouts() == CancellingTimeouts()
    runs.clock.advance(100)
    assert passes.cancelling_timeouts() == CancellingTimeouts(cancelled=1)


def test_a_run_that_ends_meanwhile_keeps_its_state(runs: Runs, passes: Passes) -> None:
    run = cancelling(runs)
    runs.clock.advance(TIMEOUT)
    passes.enter_meanwhile(run, "CANCELLED", "Stopped")
    assert passes.cancelling_timeouts() == CancellingTimeouts()
    assert (run.state["name"], run.state["message"]) == ("Stopped", None)


def test_its_slot_comes_back(runs: Runs, slots: Slots, passes: Passes) -> None:
    limit = slots.new(1)
    run = slots.running(slots.deployment(limit))
    run.propose("CANCELLING")
    runs.clock.advance(TIMEOUT + 1)
    assert slots.taken(limit) == 1
    passes.cancelling_timeouts()
    assert slots.taken(limit) == 0


def test_the_task_run_that_stands_for_a_subflow_follows(runs: Runs, passes: Passes) -> None:
    placeholder, child = subflow(runs, "RUNNING")
    child.propose("CANCELLING")
    runs.clock.advance(TIMEOUT + 1)
    passes.cancelling_timeouts()
    assert placeholder.state["message"] == MESSAGE


# What its worker is asked to clean up


def in_pool(runs: Runs, pool: Pool) -> Run:
    """A run in the default queue of a pool, that is to be cancelled."""
    run = cancelling(runs)
    queue_id = pool.read()["default_queue_id"]

    def work(tx: Transaction) -> None:
        statement = update(flow_run).where(flow_run.c.id == run.id)
        tx.connection.execute(statement.values(work_queue_id=queue_id, infrastructure_pid="pid-1"))

    runs.application.write(work)
    return run


def test_a_worker_of_its_pool_is_asked_to_tear_it_down(runs: Runs, passes: Passes) -> None:
    pool = Pool(runs.application)
    run = in_pool(runs, pool)
    runs.clock.advance(TIMEOUT)
    passes.cancelling_timeouts()
    delivery = Queue(pool).take()
    assert delivery.kind == "cancelling_timeout_teardown.v1"
    assert json.loads(delivery.target) == {"flow_run_id": run.id, "infrastructure_pid": "pid-1"}
    assert delivery.work_queue_id == pool.read()["default_queue_id"]


def test_it_is_to_be_torn_down_once_for_each_time(runs: Runs, passes: Passes) -> None:
    queue = Queue(Pool(runs.application))
    run = in_pool(runs, queue.pool)
    ids = set()
    for _ in range(2):
        runs.clock.advance(TIMEOUT + 1)
        passes.cancelling_timeouts()
        passes.cancelling_timeouts()
        delivery = queue.take()
        assert queue.is_empty()
        ids.add(delivery.message_id)
        queue.operate("ack", delivery)
        run.propose("CANCELLING", force=True)
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("type", "asked"), [("x:push", False), ("x:managed", False), ("push", True), ("x:pushed", True)]
)
def test_pools_without_workers_are_not_asked(
    runs: Runs, passes: Passes, type: str, asked: bool
) -> None:
    pool = Pool(runs.application, type=type)
    in_pool(runs, pool)
    runs.clock.advance(TIMEOUT)
    assert passes.cancelling_timeouts() == CancellingTimeouts(cancelled=1)
    assert Queue(pool).is_empty() is not asked


def test_nobody_is_asked_about_a_run_that_has_ended(runs: Runs, passes: Passes) -> None:
    pool = Pool(runs.application)
    run = in_pool(runs, pool)
    runs.clock.advance(TIMEOUT)
    passes.enter_meanwhile(run, "CANCELLED", "Stopped")
    passes.cancelling_timeouts()
    assert Queue(pool).is_empty()
