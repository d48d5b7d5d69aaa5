"""Flows that pause until someone lets them go on, with the input they ask for."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect import flow, pause_flow_run
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import FlowPauseTimeout, NotPausedError
from prefect.flow_runs import resume_flow_run
from prefect.input import RunInput
from prefect.states import Paused, Running
from pydantic import BaseModel

from ephemeral_server import EphemeralServer
from tests.client.history import History
from tests.client.outside import meanwhile
from tests.client.traffic import PATIENCE, SEND_INPUT, SET_STATE, Traffic

#: How a test pauses: it asks without a rest whether it may go on.
PAUSE: dict[str, Any] = {"timeout": int(PATIENCE), "poll_interval": 0}


class Approval(RunInput):
    """What a flow asks for."""

    approved: bool
    reviewer: str = "nobody"


class Size(BaseModel):
    """A model that knows nothing of runs."""

    width: int


def paused(traffic: Traffic, pauses: int = 1) -> UUID:
    """The flow run that asks for input, as soon as it has done so that often.

    It says what it wants only after it has paused.
    """
    return traffic.wait_for(SEND_INPUT, pauses).id


def pause_details(history: History, run: FlowRun) -> list[tuple[str | None, bool]]:
    """The key of each pause of a run, and whether the run was to be started anew after it."""
    details = [state.state_details for state in history.states(run) if state.is_paused()]
    return [(each.pause_key, each.pause_reschedule) for each in details]


def test_a_flow_goes_on_with_the_model_it_asked_for(history: History, traffic: Traffic) -> None:
    @flow
    def asks() -> Approval:
        return pause_flow_run(wait_for_input=Approval, **PAUSE)

    def approve() -> None:
        resume_flow_run(paused(traffic), run_input={"approved": True})

    with meanwhile(approve):
        answer = asks()
    assert (answer.approved, answer.reviewer) == (True, "nobody")
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Running", "Paused", "Running", "Completed"]
    assert run.run_count == 1  # going on is not another start
    assert run.empirical_policy.resuming is False
    assert run.empirical_policy.pause_keys == {"1"}
    assert pause_details(history, run) == [("1", False)]


def test_what_was_asked_and_answered_can_be_read_back(
    history: History, traffic: Traffic, server: EphemeralServer
) -> None:
    asked = Approval.with_initial_data(description="May **it** go?", reviewer="somebody")

    @flow
    def asks() -> Approval:
        return pause_flow_run(wait_for_input=asked, **PAUSE)

    def approve() -> None:
        resume_flow_run(paused(traffic, 2), run_input={"approved": True})

    with meanwhile(approve):
        answer = asks()
    assert answer.reviewer == "somebody"
    run = history.flow_run()
    keyset = history.states(run)[2].state_details.run_input_keyset
    assert keyset == {
        "schema": "paused-1-schema",
        "description": "paused-1-description",
        "response": "paused-1-response",
    }
    kept = {
        kind: httpx.get(f"{server.api_url}/flow_runs/{run.id}/input/{key}")
        for kind, key in keyset.items()
    }
    assert kept["response"].headers["content-type"] == "text/plain; charset=utf-8"
    assert kept["response"].text == '{"approved":true}'
    assert kept["description"].json() == "May **it** go?"
    schema = kept["schema"].json()
    assert schema["required"] == ["approved"]
    assert schema["properties"]["reviewer"]["default"] == "somebody"
    # The client that asked reads the same.
    (answered,) = traffic.on("GET /flow_runs/{id}/input/paused-1-response")[:1]
    assert answered.answer == {"approved": True}


def test_input_that_does_not_fit_is_refused_and_the_flow_stays_paused(
    history: History, traffic: Traffic
) -> None:
    refusals: list[str] = []

    @flow
    def asks() -> bool:
        return pause_flow_run(wait_for_input=Approval, **PAUSE).approved

    def insist() -> None:
        run_id = paused(traffic)
        wrong: list[dict[str, Any]] = [
            {},
            {"approved": "perhaps"},
            {"approved": True, "reviewer": 7},
        ]
        for given in wrong:
            with pytest.raises(RuntimeError) as refused:
                resume_flow_run(run_id, run_input=given)
            refusals.append(str(refused.value))
            assert history.client.read_flow_run(run_id).state_name == "Paused"
        resume_flow_run(run_id, run_input={"approved": False})

    with meanwhile(insist):
        assert asks() is False
    prefix = "Cannot resume this run: Reason: Validation failed"
    assert refusals == [
        f"{prefix}. Failure reason: 'approved' is a required property",
        f"{prefix} for field 'approved'. Failure reason: 'perhaps' is not of type 'boolean'",
        f"{prefix} for field 'reviewer'. Failure reason: 7 is not of type 'string'",
    ]
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Running", "Paused", "Running", "Completed"]
    assert traffic.statuses("POST /flow_runs/{id}/resume") == [200, 200, 200, 201]


def test_a_flow_may_ask_for_plain_values_and_plain_models(
    history: History, traffic: Traffic
) -> None:
    @flow
    def asks() -> tuple[Any, ...]:
        number = pause_flow_run(wait_for_input=int, **PAUSE)
        names = pause_flow_run(wait_for_input=list[str], **PAUSE)
        size = pause_flow_run(wait_for_input=Size, **PAUSE)
        return number, names, size

    def answer() -> None:
        given: list[dict[str, Any]] = [{"value": 5}, {"value": ["a", "☃"]}, {"width": 3}]
        for count, run_input in enumerate(given, 1):
            resume_flow_run(paused(traffic, count), run_input=run_input)

    with meanwhile(answer):
        number, names, size = asks()
    assert (number, names, size.width) == (5, ["a", "☃"], 3)
    run = history.flow_run()
    assert pause_details(history, run) == [("1", False), ("2", False), ("3", False)]
    assert history.state_names(run).count("Running") == 4
    assert (run.run_count, run.empirical_policy.pause_keys) == (1, {"1", "2", "3"})


def test_each_pause_has_a_key_and_no_key_pauses_twice(history: History, traffic: Traffic) -> None:
    @flow
    def asks() -> list[int]:
        return [
            pause_flow_run(wait_for_input=int, key="first", **PAUSE),
            pause_flow_run(wait_for_input=int, key="second", **PAUSE),
            pause_flow_run(wait_for_input=int, key="first", **PAUSE),
        ]

    def answer() -> None:
        for count in (1, 2):
            resume_flow_run(paused(traffic, count), run_input={"value": count})

    with meanwhile(answer):
        assert asks() == [1, 2, 1]  # what was answered under the key is there still
    run = history.flow_run()
    assert pause_details(history, run) == [("first", False), ("second", False)]
    again = traffic.on(SET_STATE)[-2]
    assert again.answer["status"] == "REJECT"
    assert again.answer["state"]["name"] == "Running"
    assert again.answer["details"]["reason"] == "This pause has already fired."


def test_input_that_needs_nothing_may_be_left_out(history: History, traffic: Traffic) -> None:
    class Note(RunInput):
        text: str = "none"

    @flow
    def asks() -> str:
        return pause_flow_run(wait_for_input=Note, **PAUSE).text

    def resume() -> None:
        resume_flow_run(paused(traffic))

    with meanwhile(resume):
        assert asks() == "none"
    assert history.flow_run().state_name == "Completed"


def test_an_async_flow_is_resumed_from_its_own_loop(history: History, traffic: Traffic) -> None:
    @flow
    async def asks() -> Any:
        waiting: Any = pause_flow_run(wait_for_input=Approval, **PAUSE)
        return await waiting

    async def approve() -> None:
        run_id = await asyncio.to_thread(paused, traffic)
        resuming: Any = resume_flow_run(run_id, run_input={"approved": True, "reviewer": "me"})
        await resuming

    async def both() -> Any:
        answer, _ = await asyncio.gather(asks(), approve())
        return answer

    answer = asyncio.run(both())
    assert (answer.approved, answer.reviewer) == (True, "me")
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Running", "Paused", "Running", "Completed"]
    assert run.run_count == 1


def test_after_its_time_a_pause_cannot_be_resumed(history: History, traffic: Traffic) -> None:
    @flow
    def asks() -> None:
        pause_flow_run(wait_for_input=Approval, timeout=0, poll_interval=0)

    with pytest.raises(FlowPauseTimeout, match="never resumed"):
        asks()
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Running", "Paused", "Failed"]
    with pytest.raises(NotPausedError, match="isn't paused"):
        resume_flow_run(run.id, run_input={"approved": True})


def test_a_pause_that_is_over_fails_when_someone_resumes_it(history: History) -> None:
    @flow
    def asks() -> None:
        pass

    made = history.client.create_flow_run(asks, state=Running())
    history.client.set_flow_run_state(made.id, Paused(timeout_seconds=-1))
    with pytest.raises(FlowPauseTimeout, match="can no longer be resumed"):
        resume_flow_run(made.id)
    run = history.flow_run()
    assert history.state_names(run) == ["Running", "Paused", "Failed"]
    assert (run.run_count, run.end_time is None) == (1, False)


def test_a_subflow_may_pause_while_its_parent_waits(history: History, traffic: Traffic) -> None:
    @flow
    def child() -> int:
        return pause_flow_run(wait_for_input=int, **PAUSE)

    @flow
    def parent() -> int:
        return child()

    def answer() -> None:
        resume_flow_run(paused(traffic), run_input={"value": 9})

    with meanwhile(answer):
        assert parent() == 9
    outer, inner = history.flow_runs()
    (wrapper,) = history.task_runs(outer)
    assert history.state_names(outer) == ["Pending", "Running", "Completed"]
    names = ["Pending", "Running", "Paused", "Running", "Completed"]
    assert history.state_names(inner) == names
    assert history.state_names(wrapper) == ["Pending", *names]
    assert json.loads(traffic.on(SEND_INPUT)[0].body["value"])["required"] == ["value"]
