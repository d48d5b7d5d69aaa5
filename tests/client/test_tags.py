"""Tasks with tags, for which the client asks for slots of the limits that the tags may have."""

from __future__ import annotations

import time
from uuid import UUID, uuid4

import pytest
from prefect import flow, tags, task
from prefect.exceptions import ObjectNotFound
from prefect.runtime import task_run

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


def test_who_holds_the_slots_of_a_tag_is_told_while_it_does(history: History) -> None:
    client = history.client
    made = client.create_concurrency_limit("held", 2)
    client.create_concurrency_limit("other", 1)
    told: list[list[UUID]] = []

    @task(tags=["held"])
    def tagged() -> UUID:
        told.append(client.read_concurrency_limit_by_tag("held").active_slots)
        return UUID(str(task_run.id))

    @flow
    def works() -> UUID:
        return tagged()

    assert [works()] == told[0]
    kept = client.read_concurrency_limit_by_tag("held")
    assert (kept.id, kept.tag, kept.concurrency_limit) == (made, "held", 2)
    assert kept.active_slots == []


def test_limits_of_tags_are_made_changed_reset_and_deleted(
    history: History, traffic: Traffic
) -> None:
    client = history.client
    made = client.create_concurrency_limit("tag", 2)
    client.create_concurrency_limit("other", 1)
    assert client.create_concurrency_limit("tag", 3) == made
    limits = client.read_concurrency_limits(limit=10, offset=0)
    assert {each.tag: each.concurrency_limit for each in limits} == {"other": 1, "tag": 3}
    assert client.read_global_concurrency_limit_by_name("tag:tag").limit == 3

    holder = uuid4()
    client.reset_concurrency_limit_by_tag("tag", slot_override=[holder])
    assert client.read_concurrency_limit_by_tag("tag").active_slots == [holder]
    client.reset_concurrency_limit_by_tag("tag")
    assert client.read_concurrency_limit_by_tag("tag").active_slots == []
    client.delete_concurrency_limit_by_tag("tag")
    traffic.expect("* /concurrency_limits/tag/*", 404)
    with pytest.raises(ObjectNotFound):
        client.read_concurrency_limit_by_tag("tag")
    with pytest.raises(ObjectNotFound):
        client.delete_concurrency_limit_by_tag("tag")


def test_a_task_with_a_tag_of_which_none_may_run_fails_at_once(
    history: History, traffic: Traffic
) -> None:
    history.client.create_concurrency_limit("never", 0)
    traffic.expect(LEASE_SLOTS, 422)

    @task(tags=["never"])
    def tagged() -> None:
        raise AssertionError("it ran")

    @flow
    def works() -> None:
        tagged()

    with pytest.raises(Exception, match="Slots requested is greater than the limit"):
        works()
    assert history.flow_run().state_name == "Failed"
