"""A flow run that is made from a deployment."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest

from ephemeral_server.clock import isoformat
from ephemeral_server.database.tables import variable
from ephemeral_server.wire import dump
from tests.api.deployments.running import STRING, Runner, runner
from tests.api.objects import NOBODY, made, new_flow, new_flow_run, new_task_run

__all__ = ["runner"]


def _kind(kind: str, **members: Any) -> dict[str, Any]:
    return {"__prefect_kind": kind, **members}


def test_a_run_takes_what_its_deployment_says(runner: Runner) -> None:
    deployment = runner.deployments.new(
        version="7",
        tags=["a"],
        labels={"team": "x", "size": 1},
        parameters={"p": 1},
        job_variables={"cpu": 1},
        work_pool_name=runner.deployments.pool(),
        work_queue_name="urgent",
    )

    run = runner.run(deployment["id"])

    assert run["flow_id"] == deployment["flow_id"]
    assert run["deployment_id"] == deployment["id"]
    assert run["deployment_version"] == "7"
    assert run["tags"] == ["a"]
    assert run["parameters"] == {"p": 1}
    assert run["labels"] == {
        "team": "x",
        "size": 1,
        "prefect.flow.id": deployment["flow_id"],
        "prefect.deployment.id": deployment["id"],
    }
    assert run["job_variables"] == {}
    assert run["work_queue_id"] == deployment["work_queue_id"]
    assert run["work_queue_name"] == "urgent"
    assert run["work_pool_name"] == deployment["work_pool_name"]
    assert (run["auto_scheduled"], run["created_by"], run["flow_version"]) == (False, None, None)
    assert len(run["name"].split("-")) == 2


def test_a_run_is_answered_as_it_is_read(runner: Runner) -> None:
    deployment = runner.deployments.new(work_pool_name=runner.deployments.pool())

    run = runner.run(deployment["id"], tags=["t"])

    assert runner.read(run["id"]) == run


def test_what_is_asked_for_goes_before_what_the_deployment_says(runner: Runner) -> None:
    deployment = runner.deployments.new(
        tags=["a", "b"], labels={"x": 1, "y": 1}, parameters={"p": 1, "q": {"deep": 1}}
    )

    run = runner.run(
        deployment["id"],
        name="mine",
        tags=["b", "c"],
        labels={"y": 2, "prefect.flow.id": "z"},
        parameters={"q": {}},
        context={"c": 1},
        job_variables={"cpu": 2},
        empirical_policy={"retries": 3},
        idempotency_key="key",
    )

    assert run["name"] == "mine"
    assert run["tags"] == ["a", "b", "c"]
    assert run["labels"].items() >= {"x": 1, "y": 2, "prefect.flow.id": "z"}.items()
    assert run["parameters"] == {"p": 1, "q": {}}
    assert run["context"] == {"c": 1}
    assert run["job_variables"] == {"cpu": 2}
    assert run["empirical_policy"]["retries"] == 3
    assert run["idempotency_key"] == "key"


def test_a_run_leaves_its_deployment_as_it_is(runner: Runner) -> None:
    deployment = runner.deployments.new(
        parameters={"p": 1}, tags=["a"], work_pool_name=runner.deployments.pool()
    )

    runner.run(deployment["id"], parameters={"p": 2}, tags=["b"], work_queue_name="other")

    assert runner.deployments.read(deployment["id"]) == deployment


def test_null_means_what_absence_means(runner: Runner) -> None:
    deployment = runner.deployments.new(labels={"x": 1})
    given = ("name", "state", "labels", "job_variables", "idempotency_key", "work_queue_name")

    run = runner.run(deployment["id"], **dict.fromkeys(given))

    assert run["name"]
    assert run["labels"]["x"] == 1
    assert (run["job_variables"], run["idempotency_key"]) == ({}, None)
    assert run["state_name"] == "Scheduled"


def test_a_run_is_scheduled_for_now(runner: Runner) -> None:
    deployment = runner.deployments.new()
    now = isoformat(runner.application.clock.now())

    run = runner.run(deployment["id"])

    assert run["state"]["state_details"]["scheduled_time"] == now
    assert (run["state_type"], run["state"]["message"]) == ("SCHEDULED", None)
    assert run["expected_start_time"] == run["next_scheduled_start_time"] == now


def test_a_run_is_scheduled_for_the_time_that_is_asked_for(runner: Runner) -> None:
    at = "2100-01-01T00:00:00Z"
    state = {"type": "SCHEDULED", "name": "Soon", "state_details": {"scheduled_time": at}}

    run = runner.run(runner.deployments.new()["id"], state=state)

    assert (run["state_name"], run["next_scheduled_start_time"]) == ("Soon", at)


@pytest.mark.parametrize("type", ["PENDING", "RUNNING", "COMPLETED", "PAUSED", "CANCELLING"])
def test_a_run_may_begin_in_any_state(runner: Runner, type: str) -> None:
    run = runner.run(runner.deployments.new()["id"], state={"type": type})

    assert (run["state_type"], run["next_scheduled_start_time"]) == (type, None)


def test_the_first_state_of_a_run_is_told(runner: Runner) -> None:
    deployment = runner.deployments.new(
        tags=["d"], work_pool_name=runner.deployments.pool(), work_queue_name="q"
    )

    run = runner.run(deployment["id"], tags=["r"])

    event = runner.application.events[-1]
    assert event.event == "prefect.flow-run.Scheduled"
    assert event.resource["prefect.resource.id"] == f"prefect.flow-run.{run['id']}"
    related = {each["prefect.resource.role"]: each for each in event.related}
    assert related["deployment"]["prefect.resource.name"] == deployment["name"]
    assert related["work-queue"]["prefect.resource.name"] == "q"
    assert related["work-pool"]["prefect.work-pool.type"] == "process"
    assert related["flow"]["prefect.resource.id"] == f"prefect.flow.{deployment['flow_id']}"


def test_a_run_tells_of_its_parent(runner: Runner) -> None:
    api: Any = runner.application
    parent = new_task_run(api, flow_run_id=new_flow_run(api)["id"])

    run = runner.run(runner.deployments.new()["id"], parent_task_run_id=parent["id"])

    assert run["parent_task_run_id"] == parent["id"]
    flow_run_events = [e for e in runner.application.events if "flow-run.Sch" in e.event]
    related = {r["prefect.resource.role"]: r for r in flow_run_events[-1].related}
    assert related["task-run"]["prefect.resource.id"] == f"prefect.task-run.{parent['id']}"


def test_an_automation_is_who_made_the_run_it_asks_for(runner: Runner) -> None:
    deployment, automation = runner.deployments.new(), str(uuid.uuid4())

    answer = runner.application.post(
        f"/deployments/{deployment['id']}/create_flow_run",
        {},
        headers={
            "prefect-automation-id": automation,
            "prefect-automation-name": base64.b64encode(b"mine").decode(),
        },
    )

    created_by = {"id": automation, "type": "AUTOMATION", "display_value": "mine"}
    assert answer.json()["created_by"] == created_by


def test_what_stands_for_parameters_is_replaced(runner: Runner) -> None:
    runner.application.insert(variable, name="v", value=dump({"x": [1]}), tags="[]")
    deployment = runner.deployments.new(parameters={"a": _kind("json", value="[1]")})

    run = runner.run(
        deployment["id"],
        parameters={
            "b": _kind("workspace_variable", variable_name="v"),
            "c": [_kind("jinja", template="{{ 1 + 1 }}"), _kind("json")],
        },
    )

    assert run["parameters"] == {"a": [1], "b": {"x": [1]}, "c": ["2"]}


def test_a_queue_of_the_pool_may_be_named(runner: Runner) -> None:
    deployment = runner.deployments.new(work_pool_name=runner.deployments.pool())

    first, second = (runner.run(deployment["id"], work_queue_name="other") for _ in range(2))

    assert first["work_queue_name"] == "other"
    assert first["work_queue_id"] == second["work_queue_id"] != deployment["work_queue_id"]
    assert first["work_pool_name"] == deployment["work_pool_name"]


def test_an_empty_name_names_no_queue(runner: Runner) -> None:
    deployment = runner.deployments.new(work_pool_name=runner.deployments.pool())

    run = runner.run(deployment["id"], work_queue_name="")

    assert run["work_queue_id"] == deployment["work_queue_id"]


def test_without_a_pool_no_queue_can_be_named(runner: Runner) -> None:
    id = runner.deployments.new()["id"]

    status, reason = runner.refusal(id, work_queue_name="q")

    assert status == 400
    assert reason == (
        f"Cannot create flow run in work queue q because deployment {id} is not associated with "
        "a work pool. Please remove work_queue_name and try again."
    )


def test_a_run_is_made_once_for_a_key(runner: Runner) -> None:
    id = runner.deployments.new()["id"]
    first = runner.run(id, idempotency_key="k")
    runner.application.clock.advance(1)

    again = runner.ask(id, idempotency_key="k", name="other", parameters={"x": 1})

    assert again.status_code == 200
    assert again.json()["id"] == first["id"]
    assert runner.read(first["id"])["name"] == first["name"]
    assert runner.deployments.runs(id) == {first["id"]}


def test_the_key_of_another_deployments_run_is_refused(runner: Runner) -> None:
    deployment = runner.deployments.new()
    other = runner.deployments.new(flow_id=deployment["flow_id"])
    known = runner.run(other["id"], idempotency_key="k")

    status, reason = runner.refusal(deployment["id"], idempotency_key="k")

    assert status == 409
    assert reason == (
        "Error creating flow run: idempotency key 'k' is that of flow run "
        f"{known['id']}, which is not of this deployment."
    )


def test_the_key_of_a_run_without_a_deployment_is_refused(runner: Runner) -> None:
    deployment = runner.deployments.new()
    flow_id, api = deployment["flow_id"], runner.deployments.api
    made(api, "/flow_runs/", {"flow_id": flow_id, "idempotency_key": "k"})

    assert runner.refusal(deployment["id"], idempotency_key="k")[0] == 409


def test_deployments_of_two_flows_may_use_one_key(runner: Runner) -> None:
    ids = {runner.run(runner.deployments.new()["id"], idempotency_key="k")["id"] for _ in range(2)}

    assert len(ids) == 2


def test_a_deployment_without_a_flow_of_its_own_is_not_there(runner: Runner) -> None:
    answer = runner.ask(NOBODY)

    assert (answer.status_code, answer.json()) == (404, {"detail": "Deployment not found"})


@pytest.mark.parametrize("kind", ["parent_task_run_id", "infrastructure_document_id"])
def test_what_a_run_refers_to_has_to_be_there(runner: Runner, kind: str) -> None:
    status, reason = runner.refusal(runner.deployments.new()["id"], **{kind: NOBODY})

    assert status == 409
    assert reason.startswith("Error creating flow run: there is no ")
    assert NOBODY in reason


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("parameters", None),
        ("tags", None),
        ("context", None),
        ("empirical_policy", None),
        ("work_queue_name", "a/b"),
        ("work_pool_name", "p"),
        ("flow_id", NOBODY),
        ("state", {"type": "ODD"}),
        ("parent_task_run_id", "x"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(runner: Runner, member: str, value: Any) -> None:
    answer = runner.ask(runner.deployments.new()["id"], **{member: value})

    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"][:2] == ["body", member]


def test_parameters_that_are_too_large_are_refused(runner: Runner) -> None:
    answer = runner.ask(runner.deployments.new()["id"], parameters={"x": "a" * 600_000})

    assert answer.status_code == 422
    [error] = answer.json()["exception_detail"]
    assert error["loc"] == ["body", "parameters"]
    assert error["msg"].endswith("when serialized (got 600,008 bytes).")


def test_parameters_that_become_too_large_are_refused(runner: Runner) -> None:
    runner.application.insert(variable, name="large", value=dump("x" * 5_000), tags="[]")
    large = _kind("workspace_variable", variable_name="large")

    status, reason = runner.refusal(runner.deployments.new()["id"], parameters={"l": [large] * 300})

    assert (status, reason) == (
        400,
        "Error hydrating flow run parameters: all parameters must be less than 1,048,576 bytes.",
    )


def test_a_run_can_be_made_of_a_deployment_that_is_paused(runner: Runner) -> None:
    assert runner.run(runner.deployments.new(paused=True)["id"])["state_type"] == "SCHEDULED"


def test_what_the_deployment_says_is_taken_as_it_is_now(runner: Runner) -> None:
    id = runner.deployments.new(version="1")["id"]
    runner.application.clock.advance(1)
    runner.deployments.patched(id, version="2", parameter_openapi_schema={"properties": {}})

    assert runner.run(id)["deployment_version"] == "2"


def test_labels_of_the_flow_come_with_those_of_the_deployment(runner: Runner) -> None:
    flow = new_flow(runner.deployments.api, labels={"of": "flow"})

    run = runner.run(runner.deployments.new(flow_id=flow["id"])["id"])

    assert run["labels"]["of"] == "flow"


def test_job_variables_of_a_run_are_only_its_own(runner: Runner) -> None:
    pool = runner.pool({"properties": {"a": STRING, "b": {**STRING, "default": "x"}}})
    deployment = runner.deployments.new(work_pool_name=pool, job_variables={"a": "y"})

    run = runner.run(deployment["id"], job_variables={"c": 1})

    # Who starts the job puts them before the deployment's.
    assert run["job_variables"] == {"c": 1}
    assert runner.deployments.read(deployment["id"])["job_variables"] == {"a": "y"}
