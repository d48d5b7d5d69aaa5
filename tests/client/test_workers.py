"""Workers: what waits in work pools comes to them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prefect import flow
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    WorkerStatus,
    WorkPoolStatus,
)
from prefect.flow_runs import resume_flow_run, suspend_flow_run
from prefect.runtime import deployment, flow_run
from prefect.states import AwaitingRetry, Running

from ephemeral_server import EphemeralServer
from tests.client.deploying import start
from tests.client.history import History
from tests.client.polling import eventually
from tests.client.traffic import Traffic, recorded_server
from tests.client.workers import PID, Pool

#: The states of a run on its way to a worker.
ON_THE_WAY = ["Scheduled", "Pending", "Submitting", "Running"]


@pytest.fixture
def server(traffic: Traffic) -> Iterator[EphemeralServer]:
    """A server that lets nothing wait long."""
    with recorded_server(traffic, deployment_slot_wait_seconds=0.1, claim_seconds=0.1) as running:
        yield running


@pytest.fixture
def pool(history: History) -> Pool:
    return Pool()


@flow
def quick() -> None:
    """Does nothing, at once."""


def test_a_run_comes_to_a_worker_with_all_that_belongs_to_it(pool: Pool, history: History) -> None:
    seen: list[object] = []

    @flow(persist_result=True)
    def greets(name: str, times: int = 1) -> str:
        seen.append((deployment.name, deployment.version, sorted(flow_run.tags)))
        return name * times

    made = pool.deploy(
        greets,
        version="7",
        tags=["deployed"],
        parameters={"times": 2},
        job_variables={"machine": "big", "env": {"A": "1"}},
    )
    given = {"parameters": {"name": "bob"}, "tags": ["mine"], "job_variables": {"env": {"B": "2"}}}
    run = start(made, "greeting", **given)
    assert (run.parameters, run.deployment_version) == ({"name": "bob", "times": 2}, "7")

    assert pool.work() == ["greeting"]

    assert seen == [("deployed", "7", ["deployed", "mine"])]
    job = pool.jobs["greeting"]
    assert (job.name, job.machine, job.env["A"], job.env["B"]) == ("greeting", "big", "1", "2")
    run = history.client.read_flow_run(run.id)
    assert run.state is not None
    assert run.state.result() == "bobbob"
    assert run.infrastructure_pid == PID
    assert (run.work_pool_name, run.work_queue_name) == ("pool", "default")
    work_pool = history.client.read_work_pool("pool")
    assert run.labels == {
        "prefect.flow.id": str(run.flow_id),
        "prefect.deployment.id": str(made),
        "prefect.worker.name": "worker",
        "prefect.worker.type": "in-process",
        "prefect.work-pool.name": "pool",
        "prefect.work-pool.id": str(work_pool.id),
    }
    assert history.state_names(run) == [*ON_THE_WAY, "Completed"]


def test_a_worker_makes_its_pool_and_is_seen_in_it(pool: Pool, history: History) -> None:
    work_pool = history.client.read_work_pool("pool")
    assert (work_pool.type, work_pool.status) == ("in-process", WorkPoolStatus.READY)
    assert "machine" in work_pool.base_job_template["variables"]["properties"]
    (worker,) = history.client.read_workers_for_work_pool("pool")
    assert (worker.name, worker.status) == ("worker", WorkerStatus.ONLINE)


def test_a_paused_pool_delivers_nothing_until_it_goes_on(pool: Pool, history: History) -> None:
    start(pool.deploy(quick), "waits")
    history.client.update_work_pool("pool", WorkPoolUpdate(is_paused=True))
    assert history.client.read_work_pool("pool").status is WorkPoolStatus.PAUSED
    assert pool.work() == []
    history.client.update_work_pool("pool", WorkPoolUpdate(is_paused=False))
    assert pool.work() == ["waits"]


def test_a_paused_queue_delivers_nothing_until_it_goes_on(pool: Pool, history: History) -> None:
    queue = history.client.create_work_queue("slow", work_pool_name="pool")
    start(pool.deploy(quick, "one", work_queue_name="slow"), "waits")
    start(pool.deploy(quick, "two"), "passes")
    history.client.update_work_queue(queue.id, is_paused=True)
    assert pool.work() == ["passes"]
    history.client.update_work_queue(queue.id, is_paused=False)
    assert pool.work() == ["waits"]


def test_what_matters_more_comes_first(pool: Pool, history: History) -> None:
    history.client.create_work_queue("last", work_pool_name="pool", priority=3)
    history.client.create_work_queue("first", work_pool_name="pool", priority=1)
    made = pool.deploy(quick)
    for name, queue in [("a", "last"), ("b", None), ("c", "first"), ("d", "last")]:
        start(made, name, work_queue_name=queue)
    came = [eventually(lambda: pool.work(limit=1)) for _ in range(4)]
    assert came == [["c"], ["b"], ["a"], ["d"]]


def test_a_worker_may_serve_some_queues_only(pool: Pool) -> None:
    for queue in ("night", "day"):
        start(pool.deploy(quick, queue, work_queue_name=queue), queue)
    assert pool.work("night") == ["night"]
    assert pool.work("day", "night") == ["day"]


@pytest.mark.parametrize("of", ["pool", "queue"])
def test_no_more_runs_come_than_may_run_at_once(pool: Pool, history: History, of: str) -> None:
    if of == "pool":
        history.client.update_work_pool("pool", WorkPoolUpdate(concurrency_limit=2))
    else:
        (queue,) = history.client.read_work_queues("pool")
        history.client.update_work_queue(queue.id, concurrency_limit=2)
    made = pool.deploy(quick)
    busy = start(made, "busy")
    history.client.set_flow_run_state(busy.id, Running())
    for name in ("first", "second"):
        start(made, name)
    assert pool.work() == ["first"]
    status = history.client.read_work_pool_concurrency_status("pool")
    assert [run.name for queue in status.queues for run in queue.flow_runs] == ["busy"]
    assert pool.work() == ["second"]


def test_a_run_that_finds_no_slot_of_its_deployment_is_given_one_later(
    pool: Pool, history: History
) -> None:
    made = pool.deploy(quick, concurrency_limit=1)
    first, second = (start(made, name) for name in ("first", "second"))
    assert pool.work() == ["first"]
    assert history.state_names(second) == ["Scheduled", "AwaitingConcurrencySlot"]
    assert history.state_names(first)[-1] == "Completed"
    assert eventually(pool.work) == ["second"]
    assert history.state_names(second)[-1] == "Completed"


def test_a_run_that_finds_no_slot_of_its_deployment_is_cancelled_where_that_is_wanted(
    pool: Pool, history: History
) -> None:
    cancel = ConcurrencyLimitStrategy.CANCEL_NEW
    made = pool.deploy(
        quick, concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=cancel)
    )
    start(made, "first")
    second = start(made, "second")
    assert pool.work() == ["first"]
    assert history.state_names(second) == ["Scheduled", "Cancelled"]


def test_a_suspended_run_goes_on_in_the_worker_when_it_is_resumed(
    pool: Pool, history: History
) -> None:
    tries: list[int] = []

    @flow(persist_result=True)
    def asks() -> str:
        tries.append(len(tries))
        suspend_flow_run(timeout=60)
        return "went on"

    run = start(pool.deploy(asks), "asking")
    assert pool.work() == ["asking"]
    assert history.state_names(run) == [*ON_THE_WAY, "Suspended"]
    assert pool.work() == []
    resume_flow_run(run.id)
    assert pool.work() == ["asking"]
    assert tries == [0, 1]
    run = history.client.read_flow_run(run.id)
    assert run.state is not None
    assert run.state.result() == "went on"


def test_a_failed_run_that_is_to_be_tried_again_comes_to_a_worker_again(
    pool: Pool, history: History
) -> None:
    tries: list[int] = []

    @flow
    def fails_first() -> None:
        tries.append(len(tries))
        if len(tries) == 1:
            raise ValueError("not yet")

    run = start(pool.deploy(fails_first), "trying")
    assert pool.work() == ["trying"]
    history.client.set_flow_run_state(run.id, AwaitingRetry())
    assert pool.work() == ["trying"]
    assert tries == [0, 1]
    assert history.state_names(run) == [
        *ON_THE_WAY,
        "Failed",
        "AwaitingRetry",
        *ON_THE_WAY[1:],
        "Completed",
    ]
    assert history.client.read_flow_run(run.id).run_count == 2


def test_a_run_that_its_worker_cannot_start_has_crashed(pool: Pool, history: History) -> None:
    run = start(pool.deploy(quick), "lost")
    other = Pool()  # the worker of which has never heard of the flow
    assert list(other.jobs) == ["lost"]
    assert history.state_names(run) == [*ON_THE_WAY[:-1], "Crashed"]
