"""Many flow runs that are made from a deployment at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.deployments.running import INTEGER, Runner, runner
from tests.api.objects import NOBODY

__all__ = ["runner"]

SCHEMA = {"properties": {"n": INTEGER}, "required": ["n"]}


def _failed(reason: str) -> dict[str, Any]:
    return {"flow_run_id": None, "status": "FAILED", "error": reason}


def test_each_run_is_made_as_if_it_were_the_only_one(runner: Runner) -> None:
    deployment = runner.deployments.new(
        parameters={"p": 1}, tags=["d"], version="1", work_pool_name=runner.deployments.pool()
    )

    first, second = runner.many(
        deployment["id"], {"parameters": {"q": 2}}, {"tags": ["t"], "work_queue_name": "other"}
    )

    assert first["status"] == second["status"] == "CREATED"
    assert first["error"] is second["error"] is None
    one, other = (runner.read(each["flow_run_id"]) for each in (first, second))
    assert (one["parameters"], one["tags"]) == ({"p": 1, "q": 2}, ["d"])
    assert (other["parameters"], other["tags"]) == ({"p": 1}, ["d", "t"])
    assert (one["work_queue_name"], other["work_queue_name"]) == ("default", "other")
    assert one["state_name"] == other["state_name"] == "Scheduled"
    assert runner.deployments.runs(deployment["id"]) == {one["id"], other["id"]}


def test_each_run_is_told(runner: Runner) -> None:
    results = runner.many(runner.deployments.new()["id"], {}, {})

    told = [each.resource["prefect.resource.id"] for each in runner.application.events[-2:]]
    assert told == [f"prefect.flow-run.{each['flow_run_id']}" for each in results]


def test_a_run_that_cannot_be_made_keeps_none_of_the_others(runner: Runner) -> None:
    pool = runner.pool({"properties": {"cpu": INTEGER}})
    id = runner.deployments.new(work_pool_name=pool)["id"]
    runner.deployments.patched(id, parameter_openapi_schema=SCHEMA)
    fine = {"parameters": {"n": 1}}
    bodies: list[dict[str, Any]] = [
        fine,
        {"parameters": {"n": "x"}},
        {"parameters": {"n": {"__prefect_kind": "none"}}},
        {**fine, "job_variables": {"cpu": "x"}},
        {**fine, "parent_task_run_id": NOBODY},
        fine,
    ]

    first, *failures, last = runner.many(id, *bodies)

    assert failures == [
        _failed(
            "Parameter validation failed: Validation failed for field 'n'. Failure reason: 'x' is "
            "not of type 'integer'"
        ),
        _failed("Missing 'value' key in __prefect object"),
        _failed(
            "Error creating flow run: Validation failed for field 'cpu'. Failure reason: 'x' is "
            "not valid under any of the given schemas"
        ),
        _failed(f"Error creating flow run: there is no task run with id {NOBODY}."),
    ]
    made = {first["flow_run_id"], last["flow_run_id"]}
    assert runner.deployments.runs(id) == made


def test_a_queue_can_only_be_named_in_a_pool(runner: Runner) -> None:
    id = runner.deployments.new()["id"]

    fine, failed = runner.many(id, {}, {"work_queue_name": "q"})

    assert fine["status"] == "CREATED"
    assert failed["error"].startswith("Cannot create flow run in work queue q because deployment")


def test_a_schema_that_is_none_fails_what_it_is_enforced_for(runner: Runner) -> None:
    id = runner.deployments.new(
        enforce_parameter_schema=False, parameter_openapi_schema={"type": "odd"}
    )["id"]

    fine, failed = runner.many(id, {}, {"enforce_parameter_schema": True})

    assert fine["status"] == "CREATED"
    assert failed["error"].startswith("Invalid schema: 'odd' is not valid")


def test_a_key_stands_for_one_run(runner: Runner) -> None:
    id = runner.deployments.new()["id"]
    known = runner.run(id, idempotency_key="known")

    results = runner.many(id, *[{"idempotency_key": key} for key in ("known", "new", "new")])

    assert [each["status"] for each in results] == ["CREATED"] * 3
    assert results[0]["flow_run_id"] == known["id"]
    assert results[1] == results[2]
    assert len(runner.deployments.runs(id)) == 2


def test_the_key_of_another_deployments_run_fails(runner: Runner) -> None:
    deployment = runner.deployments.new()
    other = runner.deployments.new(flow_id=deployment["flow_id"])
    runner.run(other["id"], idempotency_key="k")

    failed, fine = runner.many(deployment["id"], {"idempotency_key": "k"}, {})

    assert "is not of this deployment" in failed["error"]
    assert runner.deployments.runs(deployment["id"]) == {fine["flow_run_id"]}


def test_none_may_be_asked_for(runner: Runner) -> None:
    assert runner.many(runner.deployments.new()["id"]) == []


def test_there_has_to_be_a_deployment(runner: Runner) -> None:
    answer = runner.ask_many(NOBODY, [])

    assert (answer.status_code, answer.json()) == (404, {"detail": "Deployment not found"})


def test_a_hundred_may_be_asked_for_and_no_more(runner: Runner) -> None:
    id = runner.deployments.new()["id"]

    answer = runner.ask_many(id, [{}] * 101)

    assert answer.status_code == 400
    assert answer.json() == {"detail": "Cannot create more than 100 flow runs at once."}
    assert runner.deployments.runs(id) == set()
    assert len(runner.many(id, *[{}] * 100)) == 100
    assert len(runner.deployments.runs(id)) == 100


def test_that_there_are_too_many_is_told_before_that_there_is_no_deployment(
    runner: Runner,
) -> None:
    assert runner.ask_many(NOBODY, [{}] * 101).status_code == 400


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"odd": 1}, ["body", 1, "odd"]),
        ({"tags": 1}, ["body", 1, "tags"]),
        ({"parameters": {"x": "a" * 600_000}}, ["body", 1, "parameters"]),
    ],
)
def test_one_that_makes_no_sense_fails_all(
    runner: Runner, body: dict[str, Any], place: list[Any]
) -> None:
    id = runner.deployments.new()["id"]

    answer = runner.ask_many(id, [{}, body])

    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == place
    assert runner.deployments.runs(id) == set()
