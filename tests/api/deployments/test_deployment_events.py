"""What is told of deployments."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.deployments.conftest import HOURLY, Deployments
from tests.api.objects import new_flow

FULL: dict[str, Any] = {
    "description": "first",
    "tags": ["a"],
    "parameters": {"x": 1},
    "version": "1",
    "labels": {"own": 1},
}


def test_a_new_one_is_told_with_what_it_belongs_to(deployments: Deployments) -> None:
    flow = new_flow(deployments.api)
    pool, limit = deployments.pool(), deployments.limit()
    made = deployments.new(
        flow_id=flow["id"],
        work_pool_name=pool,
        work_queue_name="q",
        global_concurrency_limit_id=limit,
    )
    pool_id = deployments.application.get(f"/work_pools/{pool}").json()["id"]

    (event,) = deployments.events(made["id"])

    assert (event.event, event.payload, event.follows) == ("prefect.deployment.created", {}, None)
    assert event.resource == {
        "prefect.resource.id": f"prefect.deployment.{made['id']}",
        "prefect.resource.name": made["name"],
    }
    assert event.related == [
        {
            "prefect.resource.id": f"prefect.flow.{flow['id']}",
            "prefect.resource.role": "flow",
            "prefect.resource.name": flow["name"],
        },
        {
            "prefect.resource.id": f"prefect.work-queue.{made['work_queue_id']}",
            "prefect.resource.role": "work-queue",
            "prefect.resource.name": "q",
        },
        {
            "prefect.resource.id": f"prefect.work-pool.{pool_id}",
            "prefect.resource.role": "work-pool",
            "prefect.resource.name": pool,
            "prefect.work-pool.type": "process",
        },
        {
            "prefect.resource.id": f"prefect.concurrency-limit.{limit}",
            "prefect.resource.role": "concurrency-limit",
        },
    ]


def test_its_own_limit_is_told_of_from_the_start(deployments: Deployments) -> None:
    made = deployments.new(concurrency_limit=1)

    (event,) = deployments.events(made["id"])

    limit = made["global_concurrency_limit"]["id"]
    assert event.related[-1]["prefect.resource.id"] == f"prefect.concurrency-limit.{limit}"


@pytest.mark.parametrize(
    ("given", "updates"),
    [
        ({"description": None}, {"description": {"from": "first", "to": None}}),
        ({"tags": ["b"]}, {"tags": {"from": ["a"], "to": ["b"]}}),
        ({"parameters": {}}, {"parameters": {"from": {"x": 1}, "to": {}}}),
        (
            {"parameter_openapi_schema": {"type": "object"}},
            {"parameter_openapi_schema": {"from": {}, "to": {"type": "object"}}},
        ),
        (
            {"enforce_parameter_schema": False},
            {"enforce_parameter_schema": {"from": True, "to": False}},
        ),
        ({"entrypoint": "e"}, {"entrypoint": {"from": None, "to": "e"}}),
        ({"path": "p"}, {"path": {"from": None, "to": "p"}}),
        ({"pull_steps": None}, {"pull_steps": {"from": [], "to": None}}),
        ({"job_variables": {"i": 1}}, {"infra_overrides": {"from": {}, "to": {"i": 1}}}),
        ({"paused": True}, {"paused": {"from": False, "to": True}}),
        ({"version": "2"}, {"version": {"from": "1", "to": "2"}}),
        (
            {"concurrency_options": {"collision_strategy": "ENQUEUE"}},
            {
                "concurrency_options": {
                    "from": None,
                    "to": {"collision_strategy": "ENQUEUE", "grace_period_seconds": None},
                }
            },
        ),
    ],
)
@pytest.mark.parametrize("post", [True, False])
def test_a_change_is_told_with_what_was_and_what_is(
    deployments: Deployments, post: bool, given: dict[str, Any], updates: dict[str, Any]
) -> None:
    made = deployments.new(**FULL)

    if post:
        deployments.again(made, labels=FULL["labels"], **given)
    else:
        deployments.patched(made["id"], **given)

    event = deployments.events(made["id"])[-1]
    assert event.event == "prefect.deployment.updated"
    assert event.payload == {"updated_fields": list(updates), "updates": updates}


def test_labels_that_change_are_told(deployments: Deployments) -> None:
    made = deployments.new(**FULL)
    system = {"prefect.flow.id": made["flow_id"]}

    deployments.again(made)

    event = deployments.events(made["id"])[-1]
    assert event.payload["updates"] == {"labels": {"from": {**system, "own": 1}, "to": system}}


def test_another_queue_and_another_limit_are_told(deployments: Deployments) -> None:
    made = deployments.new(work_pool_name=deployments.pool())

    after = deployments.patched(made["id"], work_pool_name=None, concurrency_limit=1)

    event = deployments.events(made["id"])[-1]
    limit = after["global_concurrency_limit"]["id"]
    assert event.payload["updates"] == {
        "work_queue_id": {"from": made["work_queue_id"], "to": None},
        "concurrency_limit_id": {"from": None, "to": limit},
    }


@pytest.mark.parametrize(
    "given",
    [{}, {"tags": ["a"]}, {"schedules": [{"schedule": HOURLY}]}, {"work_queue_name": None}],
)
def test_what_is_no_change_is_not_told(deployments: Deployments, given: dict[str, Any]) -> None:
    made = deployments.new(**FULL)

    deployments.patched(made["id"], **given)
    deployments.again(made, labels=FULL["labels"], **given)

    assert [event.event for event in deployments.events(made["id"])] == [
        "prefect.deployment.created"
    ]


def test_pausing_and_resuming_by_their_routes_are_not_told(deployments: Deployments) -> None:
    made = deployments.new()

    for path in ("pause", "resume"):
        deployments.application.post(f"/deployments/{made['id']}/{path}_deployment")

    assert len(deployments.events(made["id"])) == 1


def test_one_that_is_deleted_is_told_with_what_it_belonged_to(deployments: Deployments) -> None:
    made = deployments.new(concurrency_limit=1)
    (created,) = deployments.events(made["id"])

    deployments.application.delete(f"/deployments/{made['id']}")

    deleted = deployments.events(made["id"])[-1]
    assert (deleted.event, deleted.payload) == ("prefect.deployment.deleted", {})
    assert (deleted.resource, deleted.related) == (created.resource, created.related)


def test_what_is_refused_is_not_told(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY, "slug": "a"}])
    before = len(deployments.application.events)

    assert deployments.patch(made["id"], tags=["b"], schedules=[{"slug": "z"}]).status_code == 422
    assert deployments.patch(made["id"], tags=["b"], parameters=None).status_code == 409

    assert len(deployments.application.events) == before
