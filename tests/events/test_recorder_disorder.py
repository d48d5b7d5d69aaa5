"""Events of task runs that come late, twice, too early, or make no sense."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from ephemeral_server.clock import SECOND
from ephemeral_server.events import batching
from tests.events.recording import Recording, Sent, recording
from tests.events.support import NOON, ClientTaskRun, add_flow_run


@pytest.mark.parametrize("together", [True, False])
def test_late_events_complete_the_history_and_leave_the_run_alone(
    database_url: str, together: bool
) -> None:
    async def test(it: Recording) -> None:
        run = it.task_run()
        sent = [
            run.entered("COMPLETED", at=3, run_count=1),
            run.entered("RUNNING", at=1, name="Late", run_count=7, cache_key="late"),
            run.entered("PENDING"),
        ]
        await (it.record if together else it.one_by_one)(*sent)
        row = await it.run()
        assert (row["state_type"], row["run_count"], row["cache_key"]) == ("COMPLETED", 1, None)
        assert [kind for kind, _ in await it.history()] == ["PENDING", "RUNNING", "COMPLETED"]

    recording(database_url, test)


@pytest.mark.parametrize("together", [True, False])
def test_an_event_that_comes_twice_is_recorded_once(database_url: str, together: bool) -> None:
    async def test(it: Recording) -> None:
        run = it.task_run()
        sent = [run.entered("PENDING"), run.entered("RUNNING", at=1)]
        await (it.record if together else it.one_by_one)(*sent, *sent)
        assert await it.history() == [("PENDING", 0), ("RUNNING", SECOND)]
        assert (await it.run())["state_type"] == "RUNNING"

    recording(database_url, test)


def test_a_run_with_the_same_keys_is_updated_and_keeps_its_id(database_url: str) -> None:
    async def test(it: Recording) -> None:
        first, second = it.task_run(), it.task_run()
        second.told["dynamic_key"] = first.told["dynamic_key"]
        await it.record(first.entered("PENDING"))
        await it.record(second.entered("RUNNING", at=1), second.entered("COMPLETED", at=2))
        row = await it.run()
        assert (row["id"], row["state_type"]) == (first.id, "COMPLETED")
        assert {state["task_run_id"] for state in await it.states()} == {first.id}

    recording(database_url, test)


def test_two_new_runs_with_the_same_keys_in_one_batch_are_one(database_url: str) -> None:
    async def test(it: Recording) -> None:
        first, second = it.task_run(), it.task_run()
        second.told["dynamic_key"] = first.told["dynamic_key"]
        await it.record(first.entered("PENDING"), second.entered("RUNNING", at=1))
        assert (await it.run())["id"] == first.id
        assert await it.history() == [("PENDING", 0), ("RUNNING", SECOND)]

    recording(database_url, test)


def test_a_run_outside_of_flow_runs_is_recorded(database_url: str) -> None:
    async def test(it: Recording) -> None:
        run, same = ClientTaskRun(), ClientTaskRun()
        same.told["dynamic_key"] = run.told["dynamic_key"]
        await it.record(run.entered("PENDING"))
        await it.record(same.entered("RUNNING", at=1))
        row = await it.run()
        assert (row["id"], row["flow_run_id"], row["state_type"]) == (run.id, None, "RUNNING")

    recording(database_url, test)


def test_two_states_of_one_instant_are_a_microsecond_apart(database_url: str) -> None:
    async def test(it: Recording) -> None:
        run = it.task_run()
        await it.record(run.entered("PENDING"), run.entered("RUNNING"))
        await it.record(run.entered("COMPLETED"))
        assert await it.history() == [("PENDING", 0), ("RUNNING", 1), ("COMPLETED", 2)]
        row = await it.run()
        assert (row["state_type"], row["state_timestamp"]) == ("COMPLETED", NOON + 2)

    recording(database_url, test)


def test_an_event_that_comes_again_after_it_made_way_is_known(database_url: str) -> None:
    async def test(it: Recording) -> None:
        run = it.task_run()
        sent = [run.entered("PENDING"), run.entered("RUNNING")]
        await it.one_by_one(*sent, *sent)
        assert await it.history() == [("PENDING", 0), ("RUNNING", 1)]

    recording(database_url, test)


def test_an_event_waits_for_its_flow_run(database_url: str) -> None:
    async def test(it: Recording) -> None:
        flow_run_id = str(uuid4())
        early, known = ClientTaskRun(flow_run_id), it.task_run()
        await it.record(early.entered("PENDING"), known.entered("PENDING"))
        assert (await it.run())["id"] == known.id
        await add_flow_run(it.database, flow_run_id)
        await it.recorder.drain()
        assert {row["id"] for row in await it.runs()} == {early.id, known.id}

    recording(database_url, test)


def test_an_event_of_a_flow_run_that_never_comes_is_dropped(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(batching, "RETRY_DELAYS", (0.001,) * 4)

    async def test(it: Recording) -> None:
        flow_run_id = str(uuid4())
        sent = ClientTaskRun(flow_run_id).entered("PENDING")
        await it.record(sent)
        await it.recorder.stop()
        assert await it.runs() == []
        assert f"{sent['id']} (prefect.task-run.Pending) is dropped" in caplog.text
        assert f"there is no flow run {flow_run_id}" in caplog.text

    recording(database_url, test)


def _without_state(sent: Sent) -> None:
    del sent["payload"]["validated_state"]


def _of_unknown_type(sent: Sent) -> None:
    sent["payload"]["validated_state"]["type"] = "BAKED"


def _without_id(sent: Sent) -> None:
    sent["resource"]["prefect.resource.id"] = "prefect.task-run.first"


def _with_text_as_count(sent: Sent) -> None:
    sent["payload"]["task_run"]["run_count"] = "many"


def _with_huge_count(sent: Sent) -> None:
    sent["payload"]["task_run"]["run_count"] = 2**63


def _with_surrogate_in_key(sent: Sent) -> None:
    sent["payload"]["task_run"]["dynamic_key"] = "\ud800"


def _with_nul_in_key(sent: Sent) -> None:
    sent["payload"]["task_run"]["task_key"] = "\x00"


@pytest.mark.parametrize(
    "spoil",
    [
        _without_state,
        _of_unknown_type,
        _without_id,
        _with_text_as_count,
        _with_huge_count,
        _with_surrogate_in_key,
        _with_nul_in_key,
    ],
)
def test_an_event_that_makes_no_sense_is_dropped_alone(
    database_url: str, spoil: Callable[[Sent], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def test(it: Recording) -> None:
        bad, good = it.task_run().entered("PENDING"), it.task_run()
        spoil(bad)
        await it.record(bad, good.entered("PENDING"))
        assert (await it.run())["id"] == good.id
        assert f"{bad['id']} (prefect.task-run.Pending) is dropped" in caplog.text

    recording(database_url, test)


def test_texts_lose_what_databases_cannot_store(database_url: str) -> None:
    async def test(it: Recording) -> None:
        sent = it.task_run(name="b\x00ake\ud800").entered("FAILED")
        sent["payload"]["validated_state"]["message"] = "oh\x00no"
        await it.record(sent)
        assert (await it.run())["name"] == "bake?"
        assert (await it.states())[0]["message"] == "ohno"

    recording(database_url, test)
