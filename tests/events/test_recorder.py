"""Task runs become what their clients' events tell."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from ephemeral_server.clock import SECOND, isoformat
from ephemeral_server.database import Transaction
from ephemeral_server.database.tables import artifact, event, task_run
from ephemeral_server.orchestration.states import DETAIL_DEFAULTS
from tests.events.recording import Recording, recording
from tests.events.support import NOON, received, rows


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
