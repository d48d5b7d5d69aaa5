"""What waits in a work queue and what it is busy with, for clients that know no pools."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.clock import isoformat
from ephemeral_server.database.tables import deployment, flow, flow_run, work_queue
from ephemeral_server.flow_runs.schemas import FlowRunPolicy, FlowRunResponse
from ephemeral_server.work_queues.legacy_schemas import (
    WorkQueueConcurrencyStatus,
    WorkQueueStatusDetail,
)
from tests.api.shapes import assert_shape
from tests.api.work_pools.polls import Pool, change, remove, row
from tests.application import Application


class Queue(Pool):
    """A queue that is asked by its id."""

    def __init__(self, application: Application) -> None:
        super().__init__(application)
        self.own = self.queue("q")
        self.path = f"/work_queues/{self.own}"

    def add(self, at: float = 0, name: str = "run", **given: Any) -> str:
        """Make a run in the queue."""
        return self.run("q", at, name, **given)

    def change(self, **values: Any) -> None:
        change(self.application, work_queue, self.own, **values)

    def runs(self, headers: dict[str, str] | None = None, **body: Any) -> list[str]:
        """The names of the runs that wait."""
        answer = self.application.post(f"{self.path}/get_runs", body, headers=headers)
        assert answer.status_code == 200, answer.text
        return [run["name"] for run in answer.json()]

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.application.get(f"{self.path}/status").json()
        assert_shape(WorkQueueStatusDetail, answer)
        return answer

    def busy(self, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any]
        answer = self.application.post(f"{self.path}/concurrency_status", body).json()
        assert_shape(WorkQueueConcurrencyStatus, answer)
        return answer


@pytest.fixture
def queue(application: Application) -> Queue:
    return Queue(application)


def test_the_next_runs_come_first(queue: Queue) -> None:
    for at in (3, 1, 2):
        queue.add(at, f"at {at}")
    assert queue.runs() == ["at 1", "at 2", "at 3"]
    assert queue.runs(limit=2) == ["at 1", "at 2"]
    assert queue.runs(scheduled_before=queue.time(2)) == ["at 1", "at 2"]
    assert queue.runs(limit=0) == []


def test_they_are_flow_runs_as_all_others(queue: Queue) -> None:
    id = queue.add(empirical_policy=FlowRunPolicy().model_dump_json())
    (run,) = queue.application.post(f"{queue.path}/get_runs").json()
    assert_shape(FlowRunResponse, run)
    assert run == queue.application.get(f"/flow_runs/{id}").json()


def test_they_are_given_to_whoever_asks(queue: Queue) -> None:
    queue.add()
    assert queue.runs() == queue.runs() == ["run"]


@pytest.mark.parametrize("type", ["PENDING", "RUNNING", "CANCELLING"])
def test_a_run_takes_a_slot_until_it_has_ended(queue: Queue, type: str) -> None:
    queue.change(concurrency_limit=2)
    for number in range(3):
        queue.add(number, f"run {number}")
    queue.add(state_type=type)
    assert queue.runs() == ["run 0"]
    assert queue.application.get(queue.path).json()["active_slots"] == 1


def test_a_limit_that_is_exceeded_lets_nothing_through(queue: Queue) -> None:
    queue.change(concurrency_limit=1)
    for state in ("SCHEDULED", "RUNNING", "RUNNING"):
        queue.add(state_type=state)
    assert queue.runs() == []


def test_a_paused_queue_gives_nothing(queue: Queue) -> None:
    queue.add()
    queue.change(is_paused=True)
    assert queue.runs() == []


def test_queues_of_one_name_in_different_pools_keep_their_runs_apart(queue: Queue) -> None:
    other = Queue(queue.application)
    for each, name in ((queue, "mine"), (other, "another's")):
        each.add(name=name, work_queue_name="q")
    other.add(state_type="RUNNING", work_queue_name="q")
    queue.change(concurrency_limit=1)
    assert queue.runs() == ["mine"]
    assert other.runs() == ["another's"]


def test_a_run_that_waits_without_a_queue_is_in_the_one_of_its_name(queue: Queue) -> None:
    name = f"of {queue.own}"
    queue.change(name=name)
    lost = {"work_queue_id": None, "work_queue_name": name}
    queue.add(1, "lost", **lost)
    queue.add(2, "mine")
    queue.add(0, "busy", state_type="RUNNING", **lost)
    assert queue.runs() == ["lost", "mine"]
    assert queue.busy()["count"] == 1
    queue.change(concurrency_limit=2)
    assert queue.runs() == ["lost"]


def test_a_filter_finds_runs_of_deployments_by_their_tags(queue: Queue) -> None:
    mark = queue.own
    tags = f'["a","b","{mark}"]'
    filter = f'{{"tags":["a","{mark}"],"deployment_ids":null}}'
    queue.change(filter=filter, concurrency_limit=3)
    queue.add(name="without a deployment", tags=tags)
    queue.add(1, "found", tags=tags, deployment_id=mark)
    queue.add(2, "found elsewhere", tags=tags, deployment_id=mark, work_queue_id=None)
    queue.add(3, "other tags", tags='["a"]', deployment_id=mark)
    assert queue.runs() == ["found", "found elsewhere"]
    # What is being cancelled takes no slot here.
    for type in ("RUNNING", "PENDING", "CANCELLING"):
        queue.add(tags=tags, deployment_id=mark, state_type=type)
    assert queue.runs() == ["found"]


def test_a_filter_finds_runs_of_deployments_by_their_ids(queue: Queue) -> None:
    one, other = queue.own, queue.id
    queue.change(filter=f'{{"tags":null,"deployment_ids":["{one}"]}}')
    queue.add(name="one", deployment_id=one)
    queue.add(name="other", deployment_id=other)
    assert queue.runs() == ["one"]


def test_the_queue_and_its_deployments_are_marked_unless_the_ui_asks(queue: Queue) -> None:
    application, now = queue.application, queue.application.clock.now()
    deployed = application.insert(
        deployment, flow_id=application.insert(flow), work_queue_id=queue.own
    )
    queue.runs({"X-PREFECT-UI": "true"})
    assert row(application, work_queue, queue.own)["last_polled"] is None

    queue.runs()

    for table, id in ((work_queue, queue.own), (deployment, deployed)):
        marked = row(application, table, id)
        assert (marked["status"], marked["last_polled"]) == ("READY", now)


def test_a_queue_is_healthy_if_it_was_polled_within_a_minute(queue: Queue) -> None:
    assert queue.status() == {
        "healthy": False,
        "late_runs_count": 0,
        "last_polled": None,
        "health_check_policy": {
            "maximum_late_runs": 0,
            "maximum_seconds_since_last_polled": 60,
        },
    }
    now = queue.application.clock.now()
    queue.runs()
    assert queue.status()["healthy"]
    assert queue.status()["last_polled"] == isoformat(now)
    queue.application.clock.advance(60)
    assert queue.status()["healthy"]
    queue.application.clock.advance(0.000001)
    assert not queue.status()["healthy"]


def test_a_queue_with_a_late_run_is_not_healthy(queue: Queue) -> None:
    id = queue.add(state_name="Late")
    queue.runs()
    assert (queue.status()["healthy"], queue.status()["late_runs_count"]) == (False, 1)
    remove(queue.application, flow_run, id)
    assert queue.status()["healthy"]


def test_what_a_queue_is_busy_with(queue: Queue) -> None:
    queue.change(concurrency_limit=9)
    queue.add()
    types = ["PENDING", "RUNNING", "CANCELLING"]
    now = queue.application.clock.now()
    ids = [queue.add(state_type=type, name=type, state_timestamp=now) for type in types]
    queue.application.clock.advance(1.5)

    found = queue.busy()

    assert [run["id"] for run in found.pop("flow_runs")] == sorted(ids)
    assert found == {
        "active_slots": 3,
        "concurrency_limit": 9,
        "count": 3,
        "limit": 200,
        "pages": 1,
        "page": 1,
    }
    second = queue.busy(page=2, limit=2)
    assert (second["pages"], len(second["flow_runs"])) == (2, 1)
    assert second["flow_runs"][0]["time_in_current_state"] == 1.5


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("get_runs", {"limit": -1}),
        ("get_runs", {"limit": 201}),
        ("get_runs", {"scheduled_before": "soon"}),
        ("concurrency_status", {"page": 0}),
        ("concurrency_status", {"limit": 201}),
    ],
)
def test_what_cannot_be_asked(queue: Queue, path: str, body: dict[str, Any]) -> None:
    assert queue.application.post(f"{queue.path}/{path}", body).status_code == 422
