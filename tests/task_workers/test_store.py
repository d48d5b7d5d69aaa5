"""The queue of deferred task runs: what comes in, in which order it goes out, who has it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from ephemeral_server.database.tables import task_run
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.task_workers import store
from tests.orchestration.runs import PERSISTED, Run, state
from tests.task_workers.queue import Queue, deferred

# What comes in


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(state("SCHEDULED"), id="not deferred"),
        pytest.param(state("SCHEDULED", deferred=False), id="said to be not deferred"),
        pytest.param(state("SCHEDULED", deferred=None), id="deferred unknown"),
        pytest.param(deferred("PENDING"), id="deferred but not scheduled"),
        pytest.param(deferred("RUNNING"), id="deferred and running"),
    ],
)
def test_other_runs_are_not_queued(queue: Queue, first: dict[str, Any]) -> None:
    queue.run(first=first)
    assert queue.rows() == []


def test_a_run_is_queued_by_a_later_state_too(queue: Queue) -> None:
    run = queue.run(first=state("PENDING"))
    run.propose("SCHEDULED", deferred=True)
    assert queue.drain() == [run.id]


def test_a_run_that_may_not_be_scheduled_is_not_queued(queue: Queue) -> None:
    run = queue.run(first=state("COMPLETED", data=PERSISTED))
    assert run.propose("SCHEDULED", deferred=True).status == "REJECT"
    assert queue.rows() == []


def test_a_retry_that_the_client_awaits_itself_is_not_queued(queue: Queue) -> None:
    body = {
        "task_key": queue.key,
        "dynamic_key": str(uuid4()),
        "empirical_policy": {"retries": 1},
        "state": deferred("RUNNING"),
    }
    run = Run(
        queue.application, "task_run", queue.application.post("/task_runs/", body).json()["id"]
    )
    assert run.propose("FAILED", deferred=True).name == "AwaitingRetry"
    assert queue.rows() == []


def test_a_run_that_is_asked_for_again_by_its_keys_is_queued_once(queue: Queue) -> None:
    body = {"task_key": queue.key, "dynamic_key": "1", "state": deferred()}
    codes = [queue.application.post("/task_runs/", body).status_code for _ in range(2)]
    assert codes == [201, 200]
    assert len(queue.drain()) == 1


def test_a_run_that_is_scheduled_again_is_queued_once_at_the_end(queue: Queue) -> None:
    first, second = queue.run(), queue.run()
    first.propose("SCHEDULED", deferred=True)
    assert queue.drain() == [second.id, first.id]


def test_a_delivered_run_that_is_scheduled_again_is_delivered_again(queue: Queue) -> None:
    run = queue.run()
    assert queue.drain() == [run.id]
    run.propose("SCHEDULED", deferred=True)
    assert queue.drain() == [run.id]


# In which order it goes out


def test_runs_go_out_in_the_order_of_their_coming(queue: Queue) -> None:
    ids = [queue.run().id for _ in range(5)]
    assert queue.drain() == ids
    assert queue.rows() == []


def test_retries_go_first_in_their_order(queue: Queue) -> None:
    fresh = [queue.run().id for _ in range(2)]
    retries = [queue.run(first=deferred(name="AwaitingRetry")).id for _ in range(2)]
    assert queue.drain() == [*retries, *fresh]


def test_a_run_that_is_given_back_goes_first_but_for_those_given_back_before(queue: Queue) -> None:
    first, second, third = [queue.run().id for _ in range(3)]
    other = queue.another()
    assert (queue.claim(), other.claim()) == (first, second)
    other.give_back(second)
    queue.give_back(first)
    assert queue.drain() == [second, first, third]


def test_tasks_are_looked_through_in_the_order_of_the_keys(queue: Queue) -> None:
    one, two = queue.another(), Queue(queue.application)
    late, early = two.run(), one.run()
    assert queue.claim(one.key, two.key) == early.id
    assert queue.claim(one.key, two.key, done=early.id) == late.id


def test_runs_of_other_tasks_are_not_claimed(queue: Queue) -> None:
    queue.run(key=f"{queue.key}x")
    assert queue.claim() is None
    assert queue.claim("", "%", str(uuid4())) is None


# Who has it


def test_a_claimed_run_is_not_claimed_again(queue: Queue) -> None:
    queue.run()
    assert queue.claim() is not None
    assert queue.another().claim() is None


def test_a_claim_that_is_not_answered_runs_out(queue: Queue) -> None:
    run, other = queue.run(), queue.another()
    queue.claim()
    queue.clock.advance(store.CLAIM_SECONDS - 0.001)
    assert other.claim() is None
    queue.clock.advance(0.001)
    assert other.claim() == run.id


def test_who_lost_a_claim_cannot_take_the_run_out_or_give_it_back(queue: Queue) -> None:
    run, other = queue.run(), queue.another()
    queue.claim()
    queue.clock.advance(store.CLAIM_SECONDS)
    assert other.claim() == run.id

    assert queue.claim(done=run.id) is None
    queue.give_back(run.id)

    assert queue.claim() is None
    assert queue.rows() == [run.id]


def test_a_run_that_is_scheduled_again_while_it_is_claimed_is_free(queue: Queue) -> None:
    run = queue.run()
    queue.claim()
    run.propose("SCHEDULED", deferred=True)
    assert queue.claim(done=run.id) == run.id


def test_a_server_that_starts_voids_the_claims_of_the_one_before(queue: Queue) -> None:
    claimed, fresh = queue.run(), queue.run()
    queue.claim()
    queue.application.write(store.give_back_all)
    assert queue.another().drain() == [claimed.id, fresh.id]


# What is not to be run any more


@pytest.mark.parametrize(
    "type", ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED", "CANCELLING"]
)
def test_a_run_that_is_no_longer_scheduled_is_passed_over(queue: Queue, type: str) -> None:
    left, stays = queue.run(), queue.run()
    left.propose(type, force=True)
    assert queue.claim() == stays.id
    assert queue.rows() == [stays.id]


def test_a_run_without_a_state_is_passed_over(queue: Queue) -> None:
    run = queue.run()

    def forget(tx: Transaction) -> None:
        chosen = update(task_run).where(task_run.c.id == run.id)
        tx.connection.execute(chosen.values(state_id=None, state_type=None))

    queue.application.write(forget)
    assert queue.claim() is None
    assert queue.rows() == []


def test_many_runs_that_are_not_to_be_run_are_passed_over_at_once(queue: Queue) -> None:
    for _ in range(30):
        queue.run().propose("CANCELLED")
    stays = queue.run()
    assert queue.claim() == stays.id
    assert queue.rows() == [stays.id]


def test_a_deleted_run_leaves_the_queue(queue: Queue) -> None:
    gone, stays = queue.run(), queue.run()
    queue.application.delete(f"/task_runs/{gone.id}")
    assert queue.rows() == [stays.id]


def test_a_cancelled_run_that_is_scheduled_again_is_delivered(queue: Queue) -> None:
    run = queue.run()
    run.propose("CANCELLED")
    run.propose("SCHEDULED", deferred=True)
    assert queue.drain() == [run.id]
