"""Task runs become what their clients' events tell, in whatever order these arrive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from ephemeral_server.clock import SECOND, isoformat
from ephemeral_server.database import Database, Transaction
from ephemeral_server.database.tables import artifact, event, task_run, task_run_state
from ephemeral_server.events import batching
from ephemeral_server.events.recorder import TaskRunRecorder
from ephemeral_server.orchestration.states import DETAIL_DEFAULTS
from tests.events.support import NOON, ClientTaskRun, add_flow_run, opened, received, rows

Sent = dict[str, Any]


class Recording:
    """A recorder on a database that holds one flow run."""

    def __init__(self, database: Database, flow_run_id: str) -> None:
        self.database = database
        self.flow_run_id = flow_run_id
        self.recorder = TaskRunRecorder(database)

    def task_run(self, **told: Any) -> ClientTaskRun:
        return ClientTaskRun(self.flow_run_id, **told)

    async def record(self, *sent: Sent) -> None:
        """One batch."""
        self.recorder.offer([received(one) for one in sent])
        await self.recorder.drain()

    async def one_by_one(self, *sent: Sent) -> None:
        """A batch for each."""
        for one in sent:
            await self.record(one)

    async def runs(self) -> list[dict[str, Any]]:
        return await rows(self.database, task_run)

    async def run(self) -> dict[str, Any]:
        [row] = await self.runs()
        return row

    async def states(self) -> list[dict[str, Any]]:
        """All states, the oldest first."""
        found = await rows(self.database, task_run_state)
        return sorted(found, key=lambda row: (row["timestamp"], row["id"]))

    async def history(self) -> list[tuple[str, int]]:
        """Types and timestamps, these in microseconds after `NOON`."""
        return [(row["type"], row["timestamp"] - NOON) for row in await self.states()]


def recording(url: str, test: Callable[[Recording], Coroutine[Any, Any, None]]) -> None:
    """Run `test` with a recorder on the database at `url`."""

    async def run() -> None:
        async with opened(url) as database:
            it = Recording(database, await add_flow_run(database))
            await test(it)
            await it.recorder.stop()

    asyncio.run(run())


def test_the_first_event_makes_a_whole_task_run(database_url: str) -> None:
    async def test(it: Recording) -> None:
        run = it.task_run(
            cache_key="key",
            cache_expiration=isoformat(NOON + SECOND),
            task_version="3",
            labels={"size": 4},
        )
        sent = run.entered("PENDING", at=2)
        await it.record(sent)
        assert await it.run() == {
            "id": run.id,
            "created": NOON,
            "updated": NOON,
            "flow_run_id": it.flow_run_id,
            "name": "bake-7f2",
            "tags": '["oven"]',
            "labels": '{"size":4}',
            "empirical_policy": (
                '{"max_retries":0,"retry_delay_seconds":0.0,"retries":0,"retry_delay":0,'
                '"retry_jitter_factor":null}'
            ),
            "state_id": sent["id"],
            "state_type": "PENDING",
            "state_name": "Pending",
            "state_timestamp": NOON + 2 * SECOND,
            "run_count": 0,
            "expected_start_time": NOON,
            "next_scheduled_start_time": None,
            "start_time": None,
            "end_time": None,
            "total_run_time": 0,
            "task_key": "bake-1a2b3c4d",
            "dynamic_key": run.told["dynamic_key"],
            "cache_key": "key",
            "cache_expiration": NOON + SECOND,
            "task_version": "3",
            "flow_run_run_count": 1,
            "task_inputs": '{"x":[]}',
        }

    recording(database_url, test)


def test_a_state_has_the_id_and_the_instant_of_its_event(database_url: str) -> None:
    async def test(it: Recording) -> None:
        run = it.task_run()
        sent = run.entered("RUNNING", at=1.5, name="Retrying")
        state = sent["payload"]["validated_state"]
        state["message"], state["data"] = "again", {"storage_key": "k", "x": float("nan")}
        state["state_details"] = {"retriable": True, "unknown": 1}
        await it.record(sent)
        [row] = await it.states()
        details = json.loads(row.pop("state_details"))
        assert row == {
            "id": sent["id"],
            "task_run_id": run.id,
            "timestamp": NOON + 1_500_000,
            "type": "RUNNING",
            "name": "Retrying",
            "message": "again",
            "data": '{"storage_key":"k","x":null}',
            "result_artifact_id": None,
        }
        assert details == {
            **DETAIL_DEFAULTS,
            "retriable": True,
            "task_run_id": run.id,
            "flow_run_id": it.flow_run_id,
        }
        assert await rows(it.database, artifact) == []

    recording(database_url, test)


def test_a_state_without_a_name_is_named_after_its_type(database_url: str) -> None:
    async def test(it: Recording) -> None:
        sent = it.task_run().entered("CANCELLING")
        del sent["payload"]["validated_state"]["name"]
        await it.record(sent)
        assert (await it.run())["state_name"] == "Cancelling"

    recording(database_url, test)


def test_a_scheduled_state_without_a_time_is_scheduled_for_its_arrival(database_url: str) -> None:
    async def test(it: Recording) -> None:
        await it.record(it.task_run().entered("SCHEDULED"))
        [state] = await it.states()
        assert json.loads(state["state_details"])["scheduled_time"] == isoformat(NOON)
        assert (await it.run())["next_scheduled_start_time"] is None

    recording(database_url, test)


@pytest.mark.parametrize("together", [True, False])
def test_a_run_goes_through_its_states(database_url: str, together: bool) -> None:
    async def test(it: Recording) -> None:
        run = it.task_run()
        started = isoformat(NOON + SECOND)
        sent = [
            run.entered("PENDING"),
            run.entered("RUNNING", at=1, run_count=1, start_time=started),
            run.entered("COMPLETED", at=3, run_count=1, end_time=started, total_run_time=2.25),
        ]
        await (it.record if together else it.one_by_one)(*sent)
        row = await it.run()
        assert (row["state_type"], row["state_id"]) == ("COMPLETED", sent[2]["id"])
        assert (row["start_time"], row["end_time"]) == (NOON + SECOND, NOON + SECOND)
        assert (row["run_count"], row["total_run_time"]) == (1, 2_250_000)
        assert await it.history() == [
            ("PENDING", 0),
            ("RUNNING", SECOND),
            ("COMPLETED", 3 * SECOND),
        ]

    recording(database_url, test)


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


def test_what_an_event_does_not_mention_stays(database_url: str) -> None:
    async def test(it: Recording) -> None:
        run = it.task_run(cache_key="key", end_time=isoformat(NOON))
        await it.record(run.entered("PENDING"))
        await it.record(run.entered("RUNNING", at=1, cache_key=None, end_time=None, tags=None))
        row = await it.run()
        assert (row["cache_key"], row["end_time"], row["tags"]) == ("key", NOON, '["oven"]')

    recording(database_url, test)


def test_a_null_that_is_sent_clears_the_value(database_url: str) -> None:
    async def test(it: Recording) -> None:
        run = it.task_run(end_time=isoformat(NOON))
        sent = run.entered("RUNNING", at=1)
        sent["payload"]["task_run"]["end_time"] = None
        await it.one_by_one(run.entered("PENDING"), sent)
        assert (await it.run())["end_time"] is None

    recording(database_url, test)


def test_a_null_where_none_is_possible_is_not_mentioned(database_url: str) -> None:
    async def test(it: Recording) -> None:
        sent = it.task_run().entered("PENDING")
        sent["payload"]["task_run"].update(name=None, tags=None, run_count=None)
        await it.record(sent)
        row = await it.run()
        assert (row["name"], row["tags"], row["run_count"]) == ("bake-7f2", "[]", 0)

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


def test_only_events_of_runs_that_clients_orchestrate_are_recorded(database_url: str) -> None:
    async def test(it: Recording) -> None:
        foreign, other = it.task_run().entered("PENDING"), it.task_run().entered("PENDING")
        del foreign["resource"]["prefect.orchestration"]
        other["event"] = "prefect.flow-run.Pending"
        await it.record(foreign, other)
        assert await it.runs() == []

    recording(database_url, test)


def test_the_recorder_publishes_nothing(database_url: str) -> None:
    async def test(it: Recording) -> None:
        await it.record(it.task_run().entered("PENDING"))
        assert await rows(it.database, event) == []

    recording(database_url, test)


def test_a_newer_state_of_another_writer_is_not_overwritten(database_url: str) -> None:
    def complete(tx: Transaction) -> None:
        values = {"state_type": "COMPLETED", "state_timestamp": NOON + 5 * SECOND}
        tx.connection.execute(update(task_run).values(**values))

    async def test(it: Recording) -> None:
        run = it.task_run()
        await it.record(run.entered("PENDING"))
        await it.database.write(complete)
        await it.record(run.entered("RUNNING", at=1))
        assert (await it.run())["state_type"] == "COMPLETED"

    recording(database_url, test)


def test_many_runs_in_one_batch_are_all_recorded(database_url: str) -> None:
    async def test(it: Recording) -> None:
        some = [it.task_run() for _ in range(500)]
        kinds = ("PENDING", "RUNNING", "COMPLETED")
        await it.record(*(run.entered(k, at=n) for n, k in enumerate(kinds) for run in some))
        found = await it.runs()
        assert {row["id"] for row in found} == {run.id for run in some}
        assert {row["state_type"] for row in found} == {"COMPLETED"}
        assert len(await it.states()) == 1500

    recording(database_url, test)


def test_nothing_is_lost_when_the_recorder_stops_with_a_full_queue(database_url: str) -> None:
    async def test(it: Recording) -> None:
        sent = [received(it.task_run().entered("PENDING")) for _ in range(1000)]
        it.recorder.offer(sent)
        await it.recorder.stop()
        assert len(await it.runs()) == 1000

    recording(database_url, test)
