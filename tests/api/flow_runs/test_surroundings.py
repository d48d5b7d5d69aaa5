"""Flow runs of deployments and in work pools, which have no routes of their own here."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.wire import dump
from tests.application import Application
from tests.orchestration.runs import Runs


class Pool:
    """A work pool with the queues ``default`` and ``urgent``."""

    def __init__(self, application: Application) -> None:
        self.name, default = f"pool-{uuid4()}", str(uuid4())
        insert = application.insert
        self.id = insert(work_pool, name=self.name, default_queue_id=default)
        insert(work_queue, id=default, name="default", work_pool_id=self.id)
        urgent = insert(work_queue, name="urgent", work_pool_id=self.id)
        self.queues = {"default": default, "urgent": urgent}


@pytest.fixture
def pool(application: Application) -> Pool:
    return Pool(application)


def create(runs: Runs, **body: Any) -> httpx.Response:
    return runs.application.post("/flow_runs/", {"flow_id": runs.flow_id, **body})


def place(run: dict[str, Any]) -> dict[str, Any]:
    """The members of a flow run that tell where it waits."""
    return {name: run[name] for name in run if name.startswith("work_")}


@pytest.mark.parametrize(
    ("asked", "found"), [(None, "default"), ("", "default"), ("urgent", "urgent")]
)
def test_a_run_waits_in_the_queue_named_or_in_its_pools_default(
    runs: Runs, pool: Pool, asked: str | None, found: str
) -> None:
    run = create(runs, work_pool_name=pool.name, work_queue_name=asked).json()

    assert place(run) == {
        "work_pool_id": pool.id,
        "work_pool_name": pool.name,
        "work_queue_id": pool.queues[found],
        "work_queue_name": found,
    }
    assert place(runs.application.get(f"/flow_runs/{run['id']}").json()) == place(run)


@pytest.mark.parametrize("no_pool", [None, ""])
def test_a_queue_without_a_pool_is_only_a_name(runs: Runs, pool: Pool, no_pool: str | None) -> None:
    run = create(runs, work_pool_name=no_pool, work_queue_name="urgent").json()

    assert place(run) == {
        "work_pool_id": None,
        "work_pool_name": None,
        "work_queue_id": None,
        "work_queue_name": "urgent",
    }


@pytest.mark.parametrize(
    ("known", "queue", "detail"),
    [
        (False, None, 'Work pool "{pool}" not found.'),
        (False, "urgent", "Work pool queue '{pool}/urgent' not found."),
        (True, "nope", "Work pool queue '{pool}/nope' not found."),
    ],
)
def test_a_run_in_a_pool_or_queue_that_is_not_there_is_not_made(
    runs: Runs, pool: Pool, known: bool, queue: str | None, detail: str
) -> None:
    name = pool.name if known else "nowhere"

    answer = create(runs, work_pool_name=name, work_queue_name=queue)

    assert (answer.status_code, answer.json()) == (404, {"detail": detail.format(pool=name)})
    of_flow = {"flows": {"id": {"any_": [runs.flow_id]}}}
    assert runs.application.post("/flow_runs/count", of_flow).json() == 0


def test_runs_are_found_by_the_pool_and_queue_they_wait_in(runs: Runs, pool: Pool) -> None:
    run = create(runs, work_pool_name=pool.name, work_queue_name="urgent").json()
    create(runs, work_queue_name="urgent")
    this_pool = {"work_pools": {"name": {"any_": [pool.name]}}}

    def found(**filters: Any) -> list[str]:
        answer = runs.application.post("/flow_runs/filter", {**this_pool, **filters})
        return [each["id"] for each in answer.json()]

    assert found() == [run["id"]]
    assert found(work_pool_queues={"name": {"any_": ["urgent"]}}) == [run["id"]]
    assert found(work_pool_queues={"name": {"any_": ["default"]}}) == []


def test_a_run_of_a_deployment_has_the_labels_of_the_deployment(runs: Runs) -> None:
    labels = {"of": "deployment", "only": True}
    deployment_id = runs.deployment(labels=dump(labels))

    run = create(runs, deployment_id=deployment_id, labels={"of": "run"}).json()

    assert run["deployment_id"] == deployment_id
    assert run["labels"] == {
        **labels,
        "of": "run",
        "prefect.flow.id": runs.flow_id,
        "prefect.deployment.id": deployment_id,
    }


def test_a_deployment_that_is_not_there_is_noted_all_the_same(runs: Runs) -> None:
    nobody = str(uuid4())

    run = create(runs, deployment_id=nobody).json()

    assert run["deployment_id"] == nobody
    assert run["labels"] == {"prefect.flow.id": runs.flow_id}


def test_job_variables_of_a_scheduled_run_of_a_deployment_are_replaced(runs: Runs) -> None:
    run = runs.flow_run("SCHEDULED", deployment_id=runs.deployment(), job_variables={"a": 1})

    run.change(job_variables={"b": 2})

    assert run.read()["job_variables"] == {"b": 2}


@pytest.mark.parametrize("type", ["PENDING", "SCHEDULED"])
def test_job_variables_of_any_run_are_taken_away(runs: Runs, type: str) -> None:
    run = runs.flow_run(type, job_variables={"a": 1})

    run.change(job_variables=None)

    assert run.read()["job_variables"] == {}


def test_job_variables_of_a_run_without_a_state_are_not_changed(runs: Runs) -> None:
    run = runs.stateless_flow_run(deployment_id=runs.deployment())

    answer = runs.application.patch(f"/flow_runs/{run.id}", {"job_variables": {"a": 1}})

    assert answer.status_code == 400
    assert answer.json() == {
        "detail": "Flow run state is required to update job variables but none exists"
    }
