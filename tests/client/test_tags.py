"""Tasks with tags, for which the client asks for slots of the limits that the tags may have."""

from __future__ import annotations

import time

from prefect import flow, tags, task

from ephemeral_server.database.tables import concurrency_limit
from tests.client.history import History
from tests.client.traffic import LEASE_SLOTS, Traffic

END_LEASE = "POST /v2/concurrency_limits/decrement-with-lease"


def test_tasks_take_the_tags_around_them_and_run(history: History, traffic: Traffic) -> None:
    @task(tags=["own"])
    def tagged() -> int:
        return 1

    @flow
    def works() -> int:
        return tagged()

    with tags("around"):
        assert works() == 1
    run = history.task_run("tagged")
    assert sorted(run.tags) == ["around", "own"]
    assert history.state_names(run) == ["Pending", "Running", "Completed"]
    (asked,) = traffic.on(LEASE_SLOTS)
    assert sorted(asked.body["names"]) == ["tag:around", "tag:own"]
    assert asked.answer["limits"] == []


def test_of_the_tasks_of_a_limited_tag_one_runs_at_a_time(
    history: History, traffic: Traffic
) -> None:
    working: list[int] = []
    at_once: list[int] = []

    @task(tags=["one"])
    def tagged(n: int) -> None:
        working.append(n)
        at_once.append(len(working))
        time.sleep(0.02)  # so that others would be seen
        working.remove(n)

    @flow
    def works() -> None:
        tagged.map([1, 2, 3]).wait()

    assert history.flow_runs() == []
    limit = traffic.insert(
        concurrency_limit, name="tag:one", slots=1, avg_slot_occupancy_seconds=0.02
    )
    works()
    assert at_once == [1, 1, 1]
    assert [run.state_name for run in history.task_runs()] == ["Completed"] * 3
    leased = [asked.answer for asked in traffic.on(LEASE_SLOTS) if asked.status == 200]
    assert [[each["id"] for each in answer["limits"]] for answer in leased] == [[limit]] * 3
    ended = {each.body["lease_id"] for each in traffic.on(END_LEASE)}
    assert ended == {answer["lease_id"] for answer in leased}
