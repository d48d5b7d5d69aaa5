"""Workers are given the runs of their pool: in which order, how many, and in which shape."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.flow_runs.schemas import FlowRunPolicy
from ephemeral_server.work_pools.polling_schemas import WorkerFlowRunResponse
from tests.api.shapes import assert_shape
from tests.api.work_pools.polls import Pool, change
from tests.application import Application


@pytest.fixture
def pool(application: Application) -> Pool:
    """A pool of three queues: `df` is served first, then `hi`, then `lo`."""
    made = Pool(application)
    for name in ("df", "hi", "lo"):
        made.queue(name)
    return made


@pytest.fixture
def full(pool: Pool) -> dict[str, str]:
    """Runs in all queues, the less urgent ones earlier; their ids by their names."""
    order = ["lo1", "lo2", "hi1", "hi2", "df1"]
    return {name: pool.run(name[:2], -10 + at, name) for at, name in enumerate(order)}


def test_urgent_queues_come_first_and_earlier_runs_within_them(
    pool: Pool, full: dict[str, str]
) -> None:
    assert pool.poll() == ["df1", "hi1", "hi2", "lo1", "lo2"]


def test_queues_of_equal_priority_share_one_order(pool: Pool, full: dict[str, str]) -> None:
    change(pool.application, work_queue, pool.queues["df"], priority=3)
    assert pool.poll() == ["hi1", "hi2", "lo1", "lo2", "df1"]


def test_the_limits_of_a_queue_and_of_the_pool_hold(pool: Pool, full: dict[str, str]) -> None:
    application = pool.application
    change(application, work_queue, pool.queues["hi"], concurrency_limit=1)
    assert pool.polls() == ["df1", "hi1", "lo1", "lo2"]

    change(application, work_pool, pool.id, concurrency_limit=2)
    assert pool.polls() == ["df1", "hi1"]

    pool.enter(full["hi1"], "PENDING")
    assert pool.polls() == ["df1"]


@pytest.mark.parametrize(
    ("type", "taken"), [("PENDING", 1), ("RUNNING", 1), ("CANCELLING", 0), ("PAUSED", 0)]
)
def test_runs_take_slots_from_pending_on_until_they_are_being_cancelled(
    pool: Pool, type: str, taken: int
) -> None:
    change(pool.application, work_queue, pool.queues["hi"], concurrency_limit=2)
    ids = [pool.run("hi", name=f"run {number}") for number in range(3)]
    pool.enter(ids[0], type)
    assert len(pool.poll()) == 2 - taken


def test_slots_of_paused_queues_and_of_those_not_asked_count_for_the_pool(
    pool: Pool, full: dict[str, str]
) -> None:
    change(pool.application, work_pool, pool.id, concurrency_limit=3)
    change(pool.application, work_queue, pool.queues["lo"], is_paused=True)
    pool.enter(full["lo1"], "RUNNING")
    pool.enter(full["df1"], "RUNNING")
    assert pool.poll(work_queue_names=["hi"]) == ["hi1"]


@pytest.mark.parametrize("scope", ["pool", "queue"])
def test_a_limit_of_zero_lets_nothing_through(pool: Pool, full: dict[str, str], scope: str) -> None:
    if scope == "pool":
        change(pool.application, work_pool, pool.id, concurrency_limit=0)
        assert pool.poll() == []
    else:
        change(pool.application, work_queue, pool.queues["hi"], concurrency_limit=0)
        assert pool.poll() == ["df1", "lo1", "lo2"]


def test_a_limit_below_what_runs_already_lets_nothing_through(
    pool: Pool, full: dict[str, str]
) -> None:
    for name in ("lo1", "lo2"):
        pool.enter(full[name], "RUNNING")
    change(pool.application, work_pool, pool.id, concurrency_limit=1)
    assert pool.poll() == []


def test_a_worker_serves_the_queues_that_it_names(pool: Pool, full: dict[str, str]) -> None:
    assert pool.poll(work_queue_names=["lo", "hi", "lo"]) == ["hi1", "hi2", "lo1", "lo2"]


@pytest.mark.parametrize("names", [None, []])
def test_no_names_are_all_queues(pool: Pool, full: dict[str, str], names: Any) -> None:
    assert len(pool.poll(work_queue_names=names)) == 5


def test_paused_queues_are_passed_over(pool: Pool, full: dict[str, str]) -> None:
    change(pool.application, work_queue, pool.queues["hi"], is_paused=True)
    assert pool.poll() == ["df1", "lo1", "lo2"]


def test_a_paused_pool_gives_nothing(pool: Pool, full: dict[str, str]) -> None:
    change(pool.application, work_pool, pool.id, is_paused=True)
    assert pool.poll() == []


def test_as_many_as_asked_for(pool: Pool, full: dict[str, str]) -> None:
    assert pool.poll(limit=2) == ["df1", "hi1"]
    assert pool.poll(limit=0) == []


def test_both_ends_of_the_window_belong_to_it(pool: Pool) -> None:
    for at in range(5):
        pool.run("hi", at, f"at {at}")
    window: Any = {"scheduled_after": pool.time(1), "scheduled_before": pool.time(3)}
    assert pool.poll(**window) == ["at 1", "at 2", "at 3"]


def test_times_are_understood_as_the_client_writes_them(pool: Pool) -> None:
    pool.run("hi", 5, "now")
    pool.run("hi", 15, "later")
    before = pool.time(10).replace("T", " ").replace("Z", "+00:00")
    assert pool.poll(scheduled_before=before) == ["now"]


@pytest.mark.parametrize("name", ["Late", "AwaitingRetry", "AwaitingConcurrencySlot", "Anything"])
def test_scheduled_states_of_all_names_are_given(pool: Pool, name: str) -> None:
    pool.run("hi", state_name=name)
    assert pool.poll() == ["run"]


@pytest.mark.parametrize("type", ["PENDING", "RUNNING", "PAUSED", "COMPLETED", "CANCELLED"])
def test_states_of_other_types_are_not(pool: Pool, type: str) -> None:
    pool.run("hi", state_type=type)
    assert pool.poll() == []


def test_a_run_that_retries_within_its_process_stays_there(pool: Pool) -> None:
    for kind in ("in_process", "reschedule"):
        pool.run("hi", empirical_policy=f'{{"retries":1,"retry_type":"{kind}"}}', name=kind)
    assert pool.poll() == ["reschedule"]


def test_runs_of_other_pools_are_not_given(pool: Pool, full: dict[str, str]) -> None:
    other = Pool(pool.application)
    other.queue("df")
    assert other.poll() == []


def test_a_run_comes_as_it_is_without_its_state(pool: Pool) -> None:
    policy = FlowRunPolicy().model_dump_json()
    called = "as it was called"
    id = pool.run("hi", work_queue_name=called, tags='["a"]', empirical_policy=policy)
    answer = pool.ask().json()
    assert_shape(list[WorkerFlowRunResponse], answer)
    (given,) = answer
    assert given["work_pool_id"] == pool.id
    assert given["work_queue_id"] == pool.queues["hi"]
    run = given["flow_run"]
    assert (run["id"], run["state_type"], run["state"]) == (id, "SCHEDULED", None)
    assert (run["work_queue_name"], run["tags"]) == (called, ["a"])
    assert "work_pool_name" not in run


def test_no_pool_of_this_name(application: Application) -> None:
    answer = application.post("/work_pools/nowhere/get_scheduled_flow_runs")
    assert answer.status_code == 404
    assert answer.json() == {"detail": 'Work pool "nowhere" not found.'}


def test_no_queue_of_this_name(pool: Pool) -> None:
    answer = pool.ask(work_queue_names=["hi", "nobody"])
    assert answer.status_code == 404
    assert answer.json() == {"detail": f"Work pool queue '{pool.name}/nobody' not found."}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": -1},
        {"limit": 201},
        {"limit": "many"},
        {"scheduled_before": "soon"},
        {"scheduled_after": "10000-01-01T00:00:00Z"},
        {"work_queue_names": "hi"},
        {"work_queue_names": ["a\x00b"]},
    ],
)
def test_what_cannot_be_asked(pool: Pool, body: dict[str, Any]) -> None:
    assert pool.ask(**body).status_code == 422


def test_many_queues_with_little_work(application: Application) -> None:
    pool = Pool(application)
    for number in range(30):
        pool.queue(f"q{number}")
        pool.run(f"q{number}", name=f"run {number}")
    assert pool.poll(limit=20) == [f"run {number}" for number in range(20)]
