"""What the real client asks for while flows run, in order, and how it is answered."""

from __future__ import annotations

import asyncio

import pytest
from prefect import flow, pause_flow_run, task
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Running

from tests.client.flows import add, two_ways
from tests.client.history import History
from tests.client.outside import meanwhile
from tests.client.traffic import CSRF_PROBE, SET_STATE, Traffic

EVENTS = "WEBSOCKET /events/in"
STORAGE = "GET /admin/storage"

CREATION = ["POST /flows/", "POST /flow_runs/"]
START = [SET_STATE, "GET /flow_runs/{id}"]


def talk(traffic: Traffic, at: int = 0) -> list[str]:
    """One conversation, without the question that is asked once or twice."""
    return [route for route in traffic.conversation(at) if route != STORAGE]


def test_a_short_flow_asks_for_nothing_but_the_known_routes(
    history: History, traffic: Traffic
) -> None:
    two_ways(2)
    traffic.settle()
    assert traffic.routes() == {
        "GET /admin/version",
        CSRF_PROBE,
        "POST /flows/",
        "POST /flow_runs/",
        SET_STATE,
        "GET /flow_runs/{id}",
        STORAGE,
        EVENTS,
        "GET /flows/{id}",
        "POST /logs/",
    }


def test_a_flow_creates_its_run_starts_it_and_ends_it(history: History, traffic: Traffic) -> None:
    two_ways(2)
    traffic.settle()
    assert talk(traffic) == ["GET /admin/version", CSRF_PROBE, *CREATION, *START, SET_STATE]
    assert traffic.statuses("POST /flows/") == traffic.statuses("POST /flow_runs/") == [201]
    assert traffic.statuses(SET_STATE) == [201, 201]
    assert traffic.transitions() == [
        ("Running", "ACCEPT", "Running"),
        ("Completed", "ACCEPT", "Completed"),
    ]
    assert {asked.answer["default_result_storage_block_id"] for asked in traffic.on(STORAGE)} == {
        None
    }


def test_what_a_flow_sends_is_what_it_gets_back(history: History, traffic: Traffic) -> None:
    two_ways(2)
    traffic.settle()
    (flow_made,), (run_made,) = traffic.on("POST /flows/"), traffic.on("POST /flow_runs/")
    assert flow_made.body == {"name": "two-ways", "tags": [], "labels": {}}
    assert flow_made.answer["name"] == "two-ways"
    sent, made = run_made.body, run_made.answer
    assert sent["flow_id"] == made["flow_id"] == flow_made.answer["id"]
    assert sent["flow_version"] == made["flow_version"] is not None
    assert sent["parameters"] == made["parameters"] == {"x": 2}
    assert made["state"]["type"] == sent["state"]["type"] == "PENDING"
    running, completed = traffic.on(SET_STATE)
    (read,) = traffic.on("GET /flow_runs/{id}")
    for asked in (running, completed, read):
        assert made["id"] in asked.path
    assert running.body["force"] is False
    # The client cannot go on without what its first report has changed.
    assert (read.answer["run_count"], read.answer["state_type"]) == (1, "RUNNING")
    assert read.answer["state"] == running.answer["state"]
    assert running.answer["details"] == {"type": "accept_details"}
    sent_details = running.body["state"]["state_details"]
    for name, value in running.answer["state"]["state_details"].items():
        assert value == (made["id"] if name == "flow_run_id" else sent_details[name])
    assert completed.body["state"]["state_details"]["untrackable_result"] is True


def test_events_come_over_a_connection_of_their_own(history: History, traffic: Traffic) -> None:
    two_ways(2)
    traffic.settle()
    (socket,) = traffic.on(EVENTS)
    assert socket.status == 101
    assert socket.sent[0] == {"type": "auth", "token": None}
    assert [answer["type"] for answer in socket.answered] == ["auth_success"]
    assert socket.sent[1:] == traffic.events
    assert traffic.statuses("GET /admin/version") == [200, 200]  # once more, before it
    (lookup,) = traffic.on("GET /flows/{id}")
    assert lookup.answer["name"] == "two-ways"
    related = {each["prefect.resource.name"] for each in traffic.events[0]["related"]}
    assert related == {"two-ways", traffic.on("GET /flow_runs/{id}")[0].answer["name"]}


def test_tasks_are_told_of_by_events_alone(history: History, traffic: Traffic) -> None:
    two_ways(2)
    traffic.settle()
    assert not any("/task_runs/" in route for route in traffic.routes())
    assert not any("concurrency_limits" in route for route in traffic.routes())
    chains: dict[str, list[dict[str, object]]] = {}
    for event in traffic.events:
        chains.setdefault(event["resource"]["prefect.resource.id"], []).append(event)
    assert len(chains) == 2
    for chain in chains.values():
        assert [event["event"] for event in chain] == [
            "prefect.task-run.Pending",
            "prefect.task-run.Running",
            "prefect.task-run.Completed",
        ]
        ids = [event["id"] for event in chain]
        assert [event["follows"] for event in chain] == [None, *ids[:-1]]


def test_the_whole_log_of_a_short_flow_comes_at_its_end(history: History, traffic: Traffic) -> None:
    two_ways(2)
    traffic.settle()
    (delivered,) = traffic.on("POST /logs/")
    assert (delivered.status, delivered.answer) == (201, None)
    assert len(delivered.body) == 4
    assert traffic.exchanges[-1] is delivered


def test_a_running_flow_sends_heartbeats(history: History, traffic: Traffic) -> None:
    @flow(name="alive")
    def alive() -> None:
        pass

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 30}):
        alive()
    run = history.flow_run()
    (beat,) = traffic.events
    assert beat["event"] == "prefect.flow-run.heartbeat"
    assert beat["resource"]["prefect.resource.id"] == f"prefect.flow-run.{run.id}"
    assert history.state_names(run) == ["Pending", "Running", "Completed"]
    assert traffic.statuses(EVENTS) == [101]


def test_a_failing_flow_reports_its_error_as_its_state(history: History, traffic: Traffic) -> None:
    @task
    def refuse() -> None:
        raise ValueError("no")

    @flow
    def failing() -> None:
        refuse()

    with pytest.raises(ValueError, match="no"):
        failing()
    traffic.settle()
    assert talk(traffic) == ["GET /admin/version", CSRF_PROBE, *CREATION, *START, SET_STATE]
    assert traffic.transitions()[-1] == ("Failed", "ACCEPT", "Failed")
    last = traffic.on(SET_STATE)[-1]
    assert last.body["state"]["message"] == "Flow run encountered an exception: ValueError: no"
    assert set(last.body["state"]["data"]) >= {"storage_key", "serializer", "storage_block_id"}
    assert last.answer["state"]["data"] == last.body["state"]["data"]
    assert traffic.event_names()[-1] == "prefect.task-run.Failed"


def test_a_flow_that_retries_is_told_to_wait(history: History, traffic: Traffic) -> None:
    tries: list[int] = []

    @task(retries=1)
    def flaky() -> None:
        tries.append(len(tries))
        if len(tries) == 1:
            raise ValueError("not yet")

    @flow(retries=1, retry_delay_seconds=1)
    def patient() -> None:
        flaky()
        if len(tries) < 3:
            raise ValueError("not yet either")

    patient()
    traffic.settle()
    assert talk(traffic)[2:] == [*CREATION, *START, SET_STATE, SET_STATE, *START, SET_STATE]
    assert traffic.statuses(SET_STATE) == [201, 201, 200, 201, 201]
    rejected, waiting = traffic.on(SET_STATE)[1:3]
    assert rejected.body["state"]["name"] == "Failed"
    assert rejected.answer["status"] == "REJECT"
    assert rejected.answer["details"] == {"type": "reject_details", "reason": "Retrying"}
    assert rejected.answer["state"]["name"] == "AwaitingRetry"
    assert rejected.answer["state"]["type"] == "SCHEDULED"
    assert rejected.answer["state"]["state_details"]["scheduled_time"] is not None
    assert waiting.body["state"]["name"] == "Running"
    assert waiting.answer["status"] == "WAIT"
    assert waiting.answer["details"] == {
        "type": "wait_details",
        "delay_seconds": 1,
        "reason": "Scheduled time is in the future",
    }
    run = history.flow_run()
    _, _, awaiting, second, _ = history.states(run)
    assert awaiting.state_details.scheduled_time is not None
    assert awaiting.timestamp < awaiting.state_details.scheduled_time <= second.timestamp
    assert run.empirical_policy.retry_delay == 1
    counts = [read.answer["run_count"] for read in traffic.on("GET /flow_runs/{id}")]
    assert counts == [1, 2]
    assert traffic.event_names() == [
        *(f"prefect.task-run.{state}" for state in ("Pending", "Running", "Retrying", "Completed")),
        *(f"prefect.task-run.{state}" for state in ("Pending", "Running", "Completed")),
    ]


def test_a_subflow_is_preceded_by_a_task_run_for_it(history: History, traffic: Traffic) -> None:
    @flow(name="child")
    def child(n: int) -> int:
        return add(n, 1)

    @flow(name="parent")
    def parent() -> int:
        return child(4)

    assert parent() == 5
    traffic.settle()
    assert talk(traffic)[2:] == [
        *CREATION,
        *START,
        "POST /flow_runs/filter",
        *CREATION,
        *START,
        SET_STATE,
        SET_STATE,
    ]
    assert traffic.conversation(1) == [CSRF_PROBE, "POST /task_runs/"]
    (made,) = traffic.on("POST /task_runs/")
    (search,) = traffic.on("POST /flow_runs/filter")
    outer, inner = traffic.on("POST /flow_runs/")
    assert (made.status, made.answer["name"]) == (201, "child-0")
    assert made.body["flow_run_id"] == outer.answer["id"]
    assert search.body["flow_runs"]["parent_task_run_id"]["any_"] == [made.answer["id"]]
    assert search.answer == []  # otherwise the client would take up the run that is there
    assert inner.body["parent_task_run_id"] == made.answer["id"]
    running = traffic.on(SET_STATE)[1]
    assert inner.answer["id"] in running.path
    assert running.answer["state"]["state_details"]["task_run_id"] == made.answer["id"]


def test_an_interrupted_flow_insists_on_having_crashed(history: History, traffic: Traffic) -> None:
    @flow
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    traffic.settle()
    assert traffic.statuses(SET_STATE) == [201, 201]
    assert traffic.transitions()[-1] == ("Crashed", "ACCEPT", "Crashed")
    assert [report.body["force"] for report in traffic.on(SET_STATE)] == [False, True]


def test_an_async_flow_renames_its_run_before_it_starts(history: History, traffic: Traffic) -> None:
    @flow(flow_run_name="run-{n}")
    async def named(n: int) -> int:
        return n

    assert asyncio.run(named(4)) == 4
    traffic.settle()
    rename = "PATCH /flow_runs/{id}"
    assert talk(traffic)[2:] == [*CREATION, rename, *START, SET_STATE]
    (renamed,) = traffic.on(rename)
    assert (renamed.body, renamed.status, renamed.answered) == ({"name": "run-4"}, 204, [])


def test_a_paused_flow_asks_until_it_runs_again(history: History, traffic: Traffic) -> None:
    @flow
    def pauses() -> str:
        pause_flow_run(timeout=20, poll_interval=0)
        return "went on"

    def resume() -> None:
        traffic.wait_for(SET_STATE, 2)
        traffic.wait_for("GET /flow_runs/{id}", 3)
        run_id = traffic.on("POST /flow_runs/")[0].answer["id"]
        history.client.set_flow_run_state(run_id, Running())

    with meanwhile(resume):
        assert pauses() == "went on"
    run = history.flow_run()
    assert traffic.transitions() == [
        ("Running", "ACCEPT", "Running"),
        ("Paused", "ACCEPT", "Paused"),
        ("Running", "ACCEPT", "Running"),
        ("Completed", "ACCEPT", "Completed"),
    ]
    paused = traffic.on(SET_STATE)[1].answer["state"]
    assert paused["type"] == "PAUSED"
    assert paused["state_details"]["pause_key"] == "1"
    assert history.state_names(run) == ["Pending", "Running", "Paused", "Running", "Completed"]
    assert run.run_count == 1
