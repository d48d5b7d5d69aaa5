"""The events that tell of flow runs' states."""

from __future__ import annotations

import base64
import json
from uuid import uuid4

import pytest

from ephemeral_server.clock import isoformat, to_datetime
from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.events.model import Event
from tests.orchestration.runs import Run, Runs


def last(run: Run) -> Event:
    """The event of the state that the run is in."""
    return run.events()[-1]


def test_each_state_entered_is_told_once(runs: Runs) -> None:
    run = runs.flow_run("SCHEDULED")
    for type in ("PENDING", "RUNNING", "COMPLETED"):
        run.propose(type)
    assert [event.event for event in run.events()] == [
        "prefect.flow-run.Scheduled",
        "prefect.flow-run.Pending",
        "prefect.flow-run.Running",
        "prefect.flow-run.Completed",
    ]


def test_an_event_is_named_after_the_states_name(runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    run.propose("FAILED", "TimedOut")
    assert last(run).event == "prefect.flow-run.TimedOut"


def test_an_event_has_the_id_and_the_time_of_its_state(runs: Runs) -> None:
    run = runs.flow_run()
    run.propose("RUNNING")
    assert last(run).id == run.state["id"]
    assert isoformat(last(run).occurred) == run.state["timestamp"]


def test_the_resource_describes_the_run(runs: Runs) -> None:
    run = runs.flow_run(name="swift-eagle")
    run.propose("RUNNING", "Working", "on it")
    event = last(run)
    assert event.resource == {
        "prefect.resource.id": f"prefect.flow-run.{run.id}",
        "prefect.resource.name": "swift-eagle",
        "prefect.run-count": "1",
        "prefect.state-message": "on it",
        "prefect.state-name": "Working",
        "prefect.state-timestamp": to_datetime(event.occurred).isoformat(),
        "prefect.state-type": "RUNNING",
    }


def test_the_first_state_comes_from_nowhere(runs: Runs) -> None:
    event = last(runs.flow_run("PENDING"))
    assert event.payload == {
        "intended": {"from": None, "to": "PENDING"},
        "initial_state": None,
        "validated_state": {"type": "PENDING", "name": "Pending"},
    }
    assert event.follows is None


def test_the_payload_tells_from_which_to_which_state(runs: Runs) -> None:
    run = runs.flow_run("PENDING", state_message="soon")
    run.propose("RUNNING", message="")
    assert last(run).payload == {
        "intended": {"from": "PENDING", "to": "RUNNING"},
        "initial_state": {"type": "PENDING", "name": "Pending", "message": "soon"},
        "validated_state": {"type": "RUNNING", "name": "Running"},
    }


@pytest.mark.parametrize(("reschedule", "text"), [(True, "true"), (False, "false")])
def test_a_pause_tells_whether_the_run_is_rescheduled(
    runs: Runs, reschedule: bool, text: str
) -> None:
    run = runs.flow_run("RUNNING", deployment_id=runs.deployment())
    run.propose("PAUSED", pause_reschedule=reschedule)
    assert last(run).payload["validated_state"]["pause_reschedule"] == text


def test_the_state_that_a_rule_entered_instead_is_told(runs: Runs) -> None:
    run = runs.flow_run("RUNNING", empirical_policy={"retries": 1})
    run.propose("FAILED")
    assert last(run).event == "prefect.flow-run.AwaitingRetry"
    assert last(run).payload["intended"] == {"from": "RUNNING", "to": "SCHEDULED"}


def test_nothing_is_told_of_a_refused_state(runs: Runs) -> None:
    run = runs.flow_run("COMPLETED")
    run.propose("CANCELLING")
    assert len(run.events()) == 1


def test_a_run_that_is_there_already_is_not_told_again(runs: Runs) -> None:
    run = runs.flow_run(idempotency_key="once")
    body = {"flow_id": runs.flow_id, "idempotency_key": "once", "state": {"type": "RUNNING"}}
    assert runs.application.post("/flow_runs/", body).status_code == 200
    assert [event.event for event in run.events()] == ["prefect.flow-run.Pending"]


def test_nothing_but_states_is_told_of_a_run(runs: Runs) -> None:
    run = runs.flow_run()
    told = len(runs.application.events)
    run.change(name="renamed", tags=["t"])
    path = f"/flow_runs/{run.id}"
    assert runs.application.patch(f"{path}/labels", {"a": 1}).status_code == 204
    assert runs.application.delete(path).status_code == 204
    assert len(runs.application.events) == told


def test_nothing_is_told_of_the_states_of_task_runs(runs: Runs) -> None:
    run = runs.task_run("PENDING")
    run.propose("RUNNING")
    assert run.events() == []


@pytest.mark.parametrize(("seconds", "follows"), [(299, True), (300, False)])
def test_an_event_follows_one_that_is_not_long_ago(
    runs: Runs, seconds: float, follows: bool
) -> None:
    run = runs.flow_run("PENDING")
    first = run.state["id"]
    runs.clock.advance(seconds)
    run.propose("RUNNING")
    assert last(run).follows == (first if follows else None)


def test_a_long_message_is_cut_in_the_middle(runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    message = "a" * 60_000 + "b" * 60_000
    run.propose("FAILED", message=message)
    cut = "a" * 50_000 + "...20000 additional characters..." + "b" * 50_000
    assert last(run).resource["prefect.state-message"] == cut
    assert last(run).payload["validated_state"]["message"] == cut
    assert run.state["message"] == message


def test_a_message_of_the_longest_length_is_kept(runs: Runs) -> None:
    run = runs.flow_run("RUNNING")
    run.propose("FAILED", message="a" * 100_000)
    assert last(run).resource["prefect.state-message"] == "a" * 100_000


def test_only_the_flow_is_related_to_a_plain_run(runs: Runs) -> None:
    run = runs.flow_run()
    flow, tag = last(run).related
    assert flow == {
        "prefect.resource.id": f"prefect.flow.{runs.flow_id}",
        "prefect.resource.role": "flow",
        "prefect.resource.name": runs.flow_name,
    }
    assert tag == {"prefect.resource.id": "prefect.tag.of-flow", "prefect.resource.role": "tag"}


def test_everything_around_a_run_is_related_in_order(runs: Runs) -> None:
    pool = f"pool-{uuid4()}"
    queue_id = str(uuid4())
    pool_id = runs.application.insert(
        work_pool, name=pool, type="docker", default_queue_id=queue_id
    )
    runs.application.insert(work_queue, id=queue_id, name="default", work_pool_id=pool_id)
    deployment_id = runs.deployment(("of-deployment", "shared"), name="nightly")
    task_run = runs.task_run(
        flow_run_id=runs.flow_run("RUNNING").id, name="child-0", tags=["of-task"]
    )
    automation = str(uuid4())
    run = runs.flow_run(
        "PENDING",
        deployment_id=deployment_id,
        work_pool_name=pool,
        parent_task_run_id=task_run.id,
        tags=["shared", "of-run"],
        headers={
            "prefect-automation-id": automation,
            "prefect-automation-name": base64.b64encode(b"keep it going").decode(),
        },
    )
    expected = [
        {
            "prefect.resource.id": f"prefect.flow.{runs.flow_id}",
            "prefect.resource.role": "flow",
            "prefect.resource.name": runs.flow_name,
        },
        {
            "prefect.resource.id": f"prefect.deployment.{deployment_id}",
            "prefect.resource.role": "deployment",
            "prefect.resource.name": "nightly",
        },
        {
            "prefect.resource.id": f"prefect.work-queue.{queue_id}",
            "prefect.resource.role": "work-queue",
            "prefect.resource.name": "default",
        },
        {
            "prefect.resource.id": f"prefect.work-pool.{pool_id}",
            "prefect.resource.role": "work-pool",
            "prefect.resource.name": pool,
            "prefect.work-pool.type": "docker",
        },
        {
            "prefect.resource.id": f"prefect.task-run.{task_run.id}",
            "prefect.resource.role": "task-run",
            "prefect.resource.name": "child-0",
        },
        *(
            {"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}
            for tag in ("of-deployment", "of-flow", "of-run", "of-task", "shared")
        ),
        {
            "prefect.resource.id": f"prefect.automation.{automation}",
            "prefect.resource.role": "creator",
            "prefect.resource.name": "keep it going",
        },
    ]

    assert last(run).related == expected
    run.propose("RUNNING")
    assert last(run).related == expected


def test_a_deployment_that_is_gone_is_left_out(runs: Runs) -> None:
    run = runs.flow_run(deployment_id=str(uuid4()))
    roles = [resource["prefect.resource.role"] for resource in last(run).related]
    assert "deployment" not in roles


def test_the_deployment_that_made_a_run_is_its_creator(runs: Runs) -> None:
    creator = {"id": str(uuid4()), "type": "DEPLOYMENT", "display_value": "caller"}
    run = runs.stateless_flow_run(created_by=json.dumps(creator))
    run.propose("PENDING")
    assert last(run).related[-1] == {
        "prefect.resource.id": f"prefect.deployment.{creator['id']}",
        "prefect.resource.role": "creator",
        "prefect.resource.name": "caller",
    }


def test_a_schedule_is_no_creator(runs: Runs) -> None:
    creator = {"id": str(uuid4()), "type": "SCHEDULE", "display_value": "CronSchedule"}
    run = runs.stateless_flow_run(created_by=json.dumps(creator))
    run.propose("PENDING")
    assert last(run).related[-1]["prefect.resource.role"] != "creator"
