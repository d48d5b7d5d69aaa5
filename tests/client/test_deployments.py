"""Deployments as the real client makes, reads, changes and runs them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.deployments.runner import DeploymentApplyError
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.schedules import Cron, Interval

from tests.client.deploying import deploy, start
from tests.client.history import History
from tests.client.traffic import Traffic

CREATE_RUN = "POST /deployments/{id}/create_flow_run"
NOT_A_NUMBER = (
    "Validation failed for field 'times'. Failure reason: 'often' is not of type 'integer'"
)


@flow
def greets(name: str, times: int = 1) -> str:
    """Greets somebody."""
    return name * times


#: What every run of the flow needs.
NAME = {"name": "bob"}


def refusal(error: pytest.ExceptionInfo[PrefectHTTPStatusError]) -> tuple[int, object]:
    """How a request was answered that the client could not go on with."""
    response = error.value.response
    return response.status_code, response.json()


def test_a_deployment_is_what_its_flow_and_its_maker_say(history: History) -> None:
    history.client.create_work_pool(WorkPoolCreate(name="pool", type="process"))
    limit = ConcurrencyLimitConfig(limit=3, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    made = deploy(
        greets,
        version="7",
        tags=["a", "b"],
        parameters={"times": 2},
        concurrency_limit=limit,
        work_pool_name="pool",
        work_queue_name="queue",
        job_variables={"env": {"A": "1"}},
        cron="0 9 * * *",
    )
    deployment = history.client.read_deployment_by_name("greets/deployed")
    assert deployment == history.client.read_deployment(made)
    assert (deployment.version, deployment.description) == ("7", "Greets somebody.")
    assert (deployment.tags, deployment.parameters) == (["a", "b"], {"times": 2})
    assert (deployment.work_pool_name, deployment.work_queue_name) == ("pool", "queue")
    assert deployment.job_variables == {"env": {"A": "1"}}
    assert deployment.entrypoint is not None
    assert deployment.entrypoint.endswith("test_deployments.py:greets")
    assert deployment.parameter_openapi_schema is not None
    assert deployment.parameter_openapi_schema["required"] == ["name"]
    assert deployment.global_concurrency_limit is not None
    assert deployment.global_concurrency_limit.limit == 3
    options = deployment.concurrency_options
    assert options is not None
    assert options.collision_strategy is ConcurrencyLimitStrategy.CANCEL_NEW
    (schedule,) = deployment.schedules
    assert (schedule.schedule, schedule.active) == (CronSchedule(cron="0 9 * * *"), True)


def test_a_flow_that_is_deployed_again_has_one_deployment_still(history: History) -> None:
    daily, hourly = Cron("0 9 * * *", slug="daily"), Interval(3600, slug="hourly")
    made = deploy(greets, tags=["a"], version="1", schedules=[daily])
    assert deploy(greets, tags=["b"], version="2", schedules=[daily, hourly]) == made
    (deployment,) = history.client.read_deployments()
    assert (deployment.tags, deployment.version) == (["b"], "2")
    assert {schedule.slug for schedule in deployment.schedules} == {"daily", "hourly"}


def test_deployments_are_found_by_what_they_are_and_gone_when_deleted(
    history: History, traffic: Traffic
) -> None:
    first, second = deploy(greets, "first", tags=["a", "b"]), deploy(greets, "second", tags=["b"])
    tagged = DeploymentFilter(tags=DeploymentFilterTags(all_=["a"]))
    found = history.client.read_deployments(deployment_filter=tagged)
    assert [deployment.id for deployment in found] == [first]
    history.client.delete_deployment(first)
    assert [deployment.id for deployment in history.client.read_deployments()] == [second]
    traffic.expect("GET /deployments/{id}", 404)
    with pytest.raises(ObjectNotFound):
        history.client.read_deployment(first)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"name": "bob", "times": "often"}, NOT_A_NUMBER),
        ({}, "Validation failed. Failure reason: 'name' is a required property"),
    ],
)
def test_a_run_with_parameters_that_its_flow_does_not_take_is_refused(
    history: History, traffic: Traffic, parameters: dict[str, object], reason: str
) -> None:
    made = deploy(greets)
    traffic.expect(CREATE_RUN, 409)
    with pytest.raises(PrefectHTTPStatusError) as error:
        start(made, parameters=parameters)
    assert refusal(error) == (409, {"detail": f"Error creating flow run: {reason}"})
    assert history.flow_runs() == []


def test_a_deployment_with_parameters_that_its_flow_does_not_take_is_refused(
    history: History, traffic: Traffic
) -> None:
    traffic.expect("POST /deployments/", 422)
    with pytest.raises(DeploymentApplyError, match="is not of type 'integer'"):
        deploy(greets, parameters={"times": "often"})
    assert history.client.read_deployments() == []
    made = deploy(greets)
    traffic.expect("PATCH /deployments/{id}", 409)
    with pytest.raises(PrefectHTTPStatusError) as error:
        history.client.update_deployment(made, DeploymentUpdate(parameters={"times": "often"}))
    assert refusal(error) == (409, {"detail": f"Error updating deployment: {NOT_A_NUMBER}"})


def test_parameters_are_not_looked_at_where_that_is_not_wanted(history: History) -> None:
    run = start(deploy(greets, enforce_parameter_schema=False), parameters={"times": "often"})
    assert run.parameters == {"times": "often"}


def test_job_variables_that_the_pool_does_not_know_are_refused(
    history: History, traffic: Traffic
) -> None:
    template = {
        "job_configuration": {"cpu": "{{ cpu }}"},
        "variables": {"properties": {"cpu": {"type": "integer"}}, "required": ["cpu"]},
    }
    pool = WorkPoolCreate(name="pool", type="process", base_job_template=template)
    history.client.create_work_pool(pool)
    made = deploy(greets, work_pool_name="pool")
    traffic.expect(CREATE_RUN, 422)
    for variables, reason in [
        ({}, "Validation failed. Failure reason: 'cpu' is a required property"),
        (
            {"cpu": "a"},
            "Validation failed for field 'cpu'. Failure reason: 'a' is not of type 'integer'",
        ),
    ]:
        with pytest.raises(PrefectHTTPStatusError) as error:
            start(made, parameters=NAME, job_variables=variables)
        assert refusal(error) == (422, {"detail": f"Error creating flow run: {reason}"})
    assert start(made, parameters=NAME, job_variables={"cpu": 2}).job_variables == {"cpu": 2}


def test_one_key_makes_one_run(history: History) -> None:
    made = deploy(greets)
    first = start(made, parameters=NAME, idempotency_key="once")
    again = start(made, parameters=NAME, idempotency_key="once")
    other = start(made, parameters=NAME, idempotency_key="twice")
    assert first.id == again.id != other.id
    assert {run.idempotency_key for run in history.flow_runs()} == {"once", "twice"}


def test_a_run_of_a_deployment_is_a_subflow_of_the_flow_that_starts_it(history: History) -> None:
    made = deploy(greets)

    @flow
    def parent() -> UUID:
        return start(made, parameters=NAME, as_subflow=True).id

    child = history.client.read_flow_run(parent())
    outer = next(run for run in history.flow_runs() if run.id != child.id)
    (wrapper,) = history.task_runs(outer)
    assert child.parent_task_run_id == wrapper.id
    assert wrapper.state is not None
    assert wrapper.state.state_details.child_flow_run_id == child.id
    assert wrapper.state_name == "Scheduled"
    assert history.client.read_flow_run(outer.id).state_name == "Completed"


def test_schedules_are_set_changed_paused_and_removed(history: History, traffic: Traffic) -> None:
    client, made = history.client, deploy(greets)
    hourly = IntervalSchedule(interval=timedelta(hours=1))
    schedules: Any = [(CronSchedule(cron="0 9 * * *"), True), (hourly, False)]
    first, second = client.create_deployment_schedules(made, schedules)
    assert (first.active, second.active) == (True, False)
    assert isinstance(second.schedule, IntervalSchedule)
    assert second.schedule.interval == hourly.interval

    client.update_deployment_schedule(made, first.id, active=False)
    client.update_deployment_schedule(
        made,
        second.id,
        schedule=RRuleSchedule(rrule="FREQ=DAILY"),
        slug="daily",
        parameters={"times": 3},
    )

    kept = {schedule.id: schedule for schedule in client.read_deployment_schedules(made)}
    assert (kept[first.id].active, kept[first.id].schedule) == (False, first.schedule)
    changed = kept[second.id]
    assert changed.schedule == RRuleSchedule(rrule="DTSTART:20200101T000000\nFREQ=DAILY")
    assert (changed.slug, changed.parameters, changed.active) == ("daily", {"times": 3}, False)

    client.delete_deployment_schedule(made, first.id)
    (left,) = client.read_deployment(made).schedules
    assert left.id == second.id
    traffic.expect("PATCH /deployments/{id}/schedules/{id}", 404)
    with pytest.raises(ObjectNotFound):
        client.update_deployment_schedule(made, first.id, active=True)
