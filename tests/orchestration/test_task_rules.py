"""The rules of task runs, one by one."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, delete, select

from ephemeral_server.database.tables import task_run_state, task_run_state_cache
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.orchestration.jitter import jittered
from tests.orchestration.runs import PERSISTED, UNPERSISTED, Answer, Run, Runs

POLICIES = pytest.mark.parametrize("deferred", [None, True], ids=["core", "background"])


# The cache


def completed(runs: Runs, key: str, **details: Any) -> Run:
    """A task run with a result under a cache key."""
    run = runs.task_run("RUNNING")
    assert run.propose("COMPLETED", data=PERSISTED, cache_key=key, **details).status == "ACCEPT"
    return run


@POLICIES
def test_a_result_under_the_same_key_spares_a_run(runs: Runs, deferred: bool | None) -> None:
    key = str(uuid4())
    first = completed(runs, key)
    run = runs.task_run("PENDING")
    runs.clock.advance(10)

    answer = run.propose("RUNNING", cache_key=key, deferred=deferred)

    assert (answer.code, answer.status) == (201, "REJECT")
    assert answer.reason == "Retrieved state from cache"
    assert (answer.type, answer.name) == ("COMPLETED", "Cached")
    state = run.state
    assert state["data"] == PERSISTED
    assert state["id"] != first.state["id"]
    assert state["state_details"]["task_run_id"] == run.id
    shown = run.read()
    assert shown["start_time"] == shown["end_time"] == runs.now()
    assert shown["run_count"] == 0


def test_the_newest_result_under_a_key_counts(runs: Runs) -> None:
    key = str(uuid4())
    completed(runs, key)
    runs.clock.advance(1)
    newer = {**PERSISTED, "storage_key": "results/2"}
    run = runs.task_run("RUNNING")
    run.propose("COMPLETED", data=newer, cache_key=key)
    answer = runs.task_run().propose("RUNNING", cache_key=key)
    assert answer.state is not None
    assert answer.state["data"] == newer


def test_another_key_does_not_count(runs: Runs) -> None:
    completed(runs, str(uuid4()))
    assert runs.task_run().propose("RUNNING", cache_key=str(uuid4())).status == "ACCEPT"


def test_who_wants_a_fresh_result_runs(runs: Runs) -> None:
    completed(runs, key := str(uuid4()))
    answer = runs.task_run().propose("RUNNING", cache_key=key, refresh_cache=True)
    assert answer.status == "ACCEPT"


@pytest.mark.parametrize(("later", "status"), [(59, "REJECT"), (60, "ACCEPT")])
def test_a_result_counts_until_it_expires(runs: Runs, later: float, status: str) -> None:
    completed(runs, key := str(uuid4()), cache_expiration=runs.now(60))
    runs.clock.advance(later)
    assert runs.task_run().propose("RUNNING", cache_key=key).status == status


def test_an_expired_result_uncovers_an_older_one(runs: Runs) -> None:
    completed(runs, key := str(uuid4()))
    runs.clock.advance(1)
    completed(runs, key, cache_expiration=runs.now(60))
    runs.clock.advance(61)
    assert runs.task_run().propose("RUNNING", cache_key=key).name == "Cached"


def test_a_result_whose_state_is_gone_does_not_count(runs: Runs) -> None:
    run = completed(runs, key := str(uuid4()))
    state_id = run.state["id"]

    def work(tx: Transaction) -> None:
        tx.connection.execute(delete(task_run_state).where(task_run_state.c.id == state_id))

    runs.application.write(work)
    assert runs.task_run().propose("RUNNING", cache_key=key).status == "ACCEPT"


def test_a_background_task_that_is_made_running_looks_into_the_cache(runs: Runs) -> None:
    completed(runs, key := str(uuid4()))
    run = runs.task_run("RUNNING", state_deferred=True, state_cache_key=key)
    shown = run.read()
    assert (shown["state_name"], shown["run_count"]) == ("Cached", 0)
    assert shown["state"]["data"] == PERSISTED


def test_a_forced_start_does_not_look_into_the_cache(runs: Runs) -> None:
    completed(runs, key := str(uuid4()))
    assert runs.task_run().propose("RUNNING", cache_key=key, force=True).type == "RUNNING"


@pytest.mark.parametrize(("length", "cached"), [(2000, True), (2001, False)])
def test_a_key_that_is_too_long_is_not_remembered(runs: Runs, length: int, cached: bool) -> None:
    key = str(uuid4()).ljust(length, "x")
    run = runs.task_run("RUNNING")

    answer = run.propose("COMPLETED", cache_key=key)

    assert (answer.code, answer.type) == (201, "COMPLETED")
    assert answer.status == ("ACCEPT" if cached else "REJECT")
    if not cached:
        assert answer.reason == "Cache key exceeded maximum allowed length of 2000 characters."
    assert len(_cached_under(runs, key)) == cached


def _cached_under(runs: Runs, key: str) -> list[Any]:
    def work(connection: Connection) -> list[Any]:
        table = task_run_state_cache
        return list(connection.execute(select(table).where(table.c.cache_key == key)))

    return runs.application.read(work)


# Leaving a terminal state


@POLICIES
@pytest.mark.parametrize("type", ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED"])
@pytest.mark.parametrize("data", [PERSISTED, {"a": 1}])
def test_a_persisted_result_stays(runs: Runs, type: str, data: Any, deferred: bool | None) -> None:
    run = runs.task_run("COMPLETED", state_data=data)
    answer = run.propose(type, deferred=deferred)
    assert (answer.code, answer.status) == (200, "REJECT")
    assert answer.reason == "This run is already completed."
    assert answer.state == run.state


@pytest.mark.parametrize("data", [None, UNPERSISTED, {}, "", 0, "text", 1, [1]])
def test_other_data_never_breaks_a_transition(runs: Runs, data: Any) -> None:
    run = runs.task_run("COMPLETED", state_data=data)
    assert run.propose("RUNNING").status == "ACCEPT"


def test_a_new_life_counts_from_zero(runs: Runs) -> None:
    run = runs.task_run("RUNNING")
    run.propose("FAILED")
    answer = run.propose("RUNNING")
    assert answer.name == "Running"
    assert run.read()["run_count"] == 1


def test_the_count_is_kept_between_terminal_states(runs: Runs) -> None:
    run = runs.task_run("RUNNING")
    run.propose("FAILED")
    run.propose("CANCELLED")
    assert run.read()["run_count"] == 1


def test_the_count_is_kept_if_another_rule_refuses(runs: Runs) -> None:
    flow_run = runs.flow_run("RUNNING")
    run = runs.task_run("RUNNING", flow_run_id=flow_run.id)
    run.propose("FAILED")
    flow_run.propose("COMPLETED")
    assert run.propose("RUNNING").status == "ABORT"
    assert run.read()["run_count"] == 1


def test_a_task_in_a_new_attempt_of_its_flow_is_retrying(runs: Runs) -> None:
    flow_run = runs.flow_run("PENDING", empirical_policy={"retries": 1, "retry_delay": 0})
    flow_run.propose("RUNNING")
    run = runs.task_run("PENDING", flow_run_id=flow_run.id)
    run.propose("RUNNING")
    run.propose("FAILED")
    flow_run.propose("FAILED")
    flow_run.propose("RUNNING")

    answer = run.propose("RUNNING")

    assert answer.name == "Retrying"
    shown = run.read()
    assert (shown["run_count"], shown["flow_run_run_count"]) == (1, 2)


# The flow run around it


@pytest.mark.parametrize(
    "type",
    ["SCHEDULED", "PENDING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "CANCELLING"],
)
def test_a_task_runs_only_while_its_flow_does(runs: Runs, type: str) -> None:
    run = runs.task_run(flow_run_id=runs.flow_run(type).id)
    answer = run.propose("RUNNING")
    assert (answer.code, answer.status) == (200, "ABORT")
    assert answer.reason == "The enclosing flow must be running to begin task execution."


def test_a_task_of_a_flow_run_without_a_state_does_not_run(runs: Runs) -> None:
    run = runs.task_run(flow_run_id=runs.stateless_flow_run().id)
    assert run.propose("RUNNING").status == "ABORT"


def test_a_task_of_a_paused_flow_pauses_with_it(runs: Runs) -> None:
    flow_run = runs.flow_run("RUNNING", deployment_id=runs.deployment())
    run = runs.task_run(flow_run_id=flow_run.id)
    until = runs.now(60)
    flow_run.propose("PAUSED", pause_timeout=until, pause_reschedule=True)

    answer = run.propose("RUNNING")

    assert (answer.code, answer.status) == (201, "REJECT")
    assert (answer.type, answer.name) == ("PAUSED", "NotReady")
    assert answer.reason == (
        "The flow is paused, new tasks can execute after resuming flow run: " + flow_run.id + "."
    )
    details = run.state["state_details"]
    assert (details["pause_timeout"], details["pause_reschedule"]) == (until, True)


def test_a_background_task_does_not_need_a_running_flow(runs: Runs) -> None:
    run = runs.task_run(flow_run_id=runs.flow_run("COMPLETED").id)
    assert run.propose("RUNNING", deferred=True).status == "ACCEPT"


def test_a_forced_start_does_not_need_a_running_flow(runs: Runs) -> None:
    run = runs.task_run(flow_run_id=runs.flow_run("COMPLETED").id)
    assert run.propose("RUNNING", force=True).status == "ACCEPT"


def test_a_task_run_knows_the_attempt_of_its_flow(runs: Runs) -> None:
    flow_run = runs.flow_run("RUNNING")
    run = runs.task_run(flow_run_id=flow_run.id)
    assert run.read()["flow_run_run_count"] == 0
    run.propose("RUNNING")
    assert run.read()["flow_run_run_count"] == 1


# Scheduled times and parameters


@POLICIES
@pytest.mark.parametrize("type", ["SCHEDULED", "PENDING"])
def test_a_task_waits_for_its_time(runs: Runs, type: str, deferred: bool | None) -> None:
    run = runs.task_run(type, state_scheduled_time=runs.now(30))
    answer = run.propose("RUNNING", deferred=deferred)
    assert (answer.code, answer.status) == (200, "WAIT")
    assert answer.details["delay_seconds"] == 30
    runs.clock.advance(30)
    assert run.propose("RUNNING", deferred=deferred).status == "ACCEPT"


@POLICIES
def test_a_pending_task_remembers_its_time(runs: Runs, deferred: bool | None) -> None:
    at = runs.now(30)
    run = runs.task_run("SCHEDULED", state_scheduled_time=at)
    run.propose("PENDING", deferred=deferred)
    assert run.state["state_details"]["scheduled_time"] == at


def test_a_background_task_remembers_where_its_parameters_are(runs: Runs) -> None:
    id = str(uuid4())
    run = runs.task_run("SCHEDULED", state_deferred=True, state_task_parameters_id=id)
    for type in ("PENDING", "RUNNING"):
        run.propose(type, deferred=True)
        assert run.state["state_details"]["task_parameters_id"] == id


def test_a_background_task_may_name_other_parameters(runs: Runs) -> None:
    run = runs.task_run("SCHEDULED", state_deferred=True, state_task_parameters_id=str(uuid4()))
    other = str(uuid4())
    run.propose("PENDING", deferred=True, task_parameters_id=other)
    assert run.state["state_details"]["task_parameters_id"] == other


def test_other_tasks_do_not(runs: Runs) -> None:
    run = runs.task_run("SCHEDULED", state_task_parameters_id=str(uuid4()))
    run.propose("PENDING")
    assert run.state["state_details"]["task_parameters_id"] is None


def test_a_pending_background_task_can_be_renamed(runs: Runs) -> None:
    run = runs.task_run("PENDING", state_deferred=True)
    assert run.propose("PENDING", "Submitting", deferred=True).status == "ACCEPT"


def test_a_deferred_task_follows_its_own_rules_even_by_force(runs: Runs) -> None:
    run = runs.task_run("RUNNING")
    assert run.propose("PENDING", deferred=True, force=True).status == "ABORT"


# Retries


@POLICIES
def test_a_failed_task_with_retries_left_waits_for_its_next_try(
    runs: Runs, deferred: bool | None
) -> None:
    run = runs.task_run("RUNNING", empirical_policy={"retries": 1, "retry_delay": 30})

    answer = run.propose("FAILED", message="oops", data=PERSISTED, deferred=deferred)

    assert (answer.code, answer.status, answer.reason) == (201, "REJECT", "Retrying")
    state = run.state
    assert (state["type"], state["name"]) == ("SCHEDULED", "AwaitingRetry")
    assert (state["message"], state["data"]) == ("oops", PERSISTED)
    assert state["state_details"]["scheduled_time"] == runs.now(30)


def test_a_task_is_tried_once_and_then_as_often_as_it_has_retries(runs: Runs) -> None:
    run = runs.task_run("PENDING", empirical_policy={"retries": 2})
    run.propose("RUNNING")
    for _ in range(2):
        assert run.propose("FAILED").name == "AwaitingRetry"
        assert run.propose("RUNNING").name == "Retrying"
    assert run.propose("FAILED").type == "FAILED"
    assert run.read()["run_count"] == 3


@pytest.mark.parametrize(("retriable", "type"), [(False, "FAILED"), (True, "SCHEDULED")])
def test_a_task_tells_whether_its_failure_can_be_retried(
    runs: Runs, retriable: bool, type: str
) -> None:
    run = runs.task_run("RUNNING", empirical_policy={"retries": 1})
    assert run.propose("FAILED", retriable=retriable).type == type


@pytest.mark.parametrize("type", ["CRASHED", "CANCELLED"])
def test_only_failures_are_retried(runs: Runs, type: str) -> None:
    run = runs.task_run("RUNNING", empirical_policy={"retries": 1})
    assert run.propose(type).status == "ACCEPT"


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        (None, [0, 0, 0]),
        (2, [2, 2, 2]),
        (0.5, [0.5, 0.5, 0.5]),
        ([1, 3], [1, 3, 3]),
        ([0.25, 1.5, 2], [0.25, 1.5, 2]),
        ([], [0, 0, 0]),
    ],
)
def test_each_try_has_its_delay(runs: Runs, delay: Any, expected: list[float]) -> None:
    run = runs.task_run("RUNNING", empirical_policy={"retries": 3, "retry_delay": delay})
    for seconds in expected:
        answer = run.propose("FAILED")
        assert _scheduled(answer) == runs.now(seconds)
        runs.clock.advance(seconds)
        run.propose("RUNNING")


def test_a_delay_is_jittered(runs: Runs) -> None:
    policy = {"retries": 1, "retry_delay": 100, "retry_jitter_factor": 0.5}
    run = runs.task_run("RUNNING", empirical_policy=policy)
    at = _scheduled(run.propose("FAILED"))
    low = math.log2(2**1.5 / (2**1.5 - 1))
    assert runs.now(100 * low - 1) <= at <= runs.now(150)


def _scheduled(answer: Answer) -> str:
    assert answer.state is not None
    at: str = answer.state["state_details"]["scheduled_time"]
    return at


@pytest.mark.parametrize("factor", [0.3, 1, 3])
def test_jitter_stays_in_its_band_around_the_mean(factor: float) -> None:
    drawn = [jittered(10, factor) for _ in range(20_000)]
    power = 2 ** (1 + factor)
    assert min(drawn) >= 10 * math.log2(power / (power - 1))
    assert max(drawn) <= 10 * (1 + factor)
    assert fmean(drawn) == pytest.approx(10, rel=0.1)


def test_a_task_that_starts_again_says_so(runs: Runs) -> None:
    run = runs.task_run("RUNNING")
    assert run.propose("RUNNING").name == "Rerunning"
    run.propose("SCHEDULED", "AwaitingRetry")
    assert run.propose("RUNNING").name == "Retrying"
    run.propose("SCHEDULED")
    assert run.propose("RUNNING").name == "Rerunning"
