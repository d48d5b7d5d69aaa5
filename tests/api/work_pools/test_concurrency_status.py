"""Which slots of a work pool are taken."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.work_pools.schemas import WorkPoolConcurrencyStatus
from tests.api.shapes import assert_shape
from tests.api.work_pools.pools import Pool
from tests.application import Application
from tests.plans import plans_of


@pytest.fixture
def busy(application: Application) -> Pool:
    """A pool with runs in two of its three queues."""
    pool = Pool(application, concurrency_limit=9)
    pool.add_queue("a", concurrency_limit=2)
    pool.add_queue("b", is_paused=True)
    for queue, state in (("a", "PENDING"), ("a", "RUNNING"), ("a", "RUNNING"), ("b", "PENDING")):
        pool.run(queue, state)
    for state in ("CANCELLING", "SCHEDULED", "COMPLETED"):
        pool.run("b", state)
    return pool


def status(pool: Pool, **body: Any) -> dict[str, Any]:
    reply = pool.application.post(f"{pool.path}/concurrency_status", body)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def test_each_queue_tells_of_its_runs(busy: Pool) -> None:
    found = status(busy)

    assert_shape(WorkPoolConcurrencyStatus, found)
    assert (found["active_slots"], found["concurrency_limit"]) == (4, 9)
    told = [
        (
            queue["queue_name"],
            queue["active_slots"],
            queue["concurrency_limit"],
            queue["flow_run_count"],
        )
        for queue in found["queues"]
    ]
    assert told == [("default", 0, None, 0), ("a", 3, 2, 3), ("b", 1, None, 1)]
    runs = [run["id"] for run in found["queues"][1]["flow_runs"]]
    assert len(runs) == 3
    assert runs == sorted(runs)


def test_a_run_tells_how_long_it_is_in_its_state(busy: Pool) -> None:
    id = busy.run("default", "RUNNING")
    busy.application.clock.advance(1.5)

    (run,) = status(busy)["queues"][0]["flow_runs"]
    shown = busy.application.get(f"/flow_runs/{id}").json()
    assert run.pop("time_in_current_state") == 1.5
    assert run == {
        "id": id,
        "name": shown["name"],
        "state_type": "RUNNING",
        "state_name": "Running",
        "start_time": shown["start_time"],
        "state_timestamp": shown["state"]["timestamp"],
    }


def test_queues_come_in_pages_by_priority(busy: Pool) -> None:
    first, second = status(busy, limit=2), status(busy, limit=2, page=2)

    assert [queue["queue_name"] for queue in first["queues"]] == ["default", "a"]
    assert [queue["queue_name"] for queue in second["queues"]] == ["b"]
    for page, found in ((1, first), (2, second)):
        about = {key: found[key] for key in ("count", "limit", "pages", "page", "active_slots")}
        assert about == {"count": 3, "limit": 2, "pages": 2, "page": page, "active_slots": 4}


@pytest.mark.parametrize("most", [0, 1, 2])
def test_runs_are_told_up_to_a_number_and_counted_beyond(busy: Pool, most: int) -> None:
    queue = status(busy, flow_run_limit=most)["queues"][1]

    assert len(queue["flow_runs"]) == most
    assert (queue["flow_run_count"], queue["active_slots"]) == (3, 3)


def test_an_empty_page_tells_of_the_pool_alone(busy: Pool) -> None:
    for body in ({"page": 9}, {"limit": 0}):
        found = status(busy, **body)
        assert (found["queues"], found["count"], found["active_slots"]) == ([], 3, 4)


def test_a_pool_without_a_limit_counts_its_slots_here(busy: Pool) -> None:
    busy.change(concurrency_limit=None)

    found = status(busy)
    assert (found["active_slots"], found["concurrency_limit"]) == (4, None)


@pytest.mark.parametrize(
    ("member", "value"), [("page", 0), ("flow_run_limit", -1), ("flow_run_limit", 201)]
)
def test_numbers_out_of_range_are_refused(pool: Pool, member: str, value: int) -> None:
    reply = pool.application.post(f"{pool.path}/concurrency_status", {member: value})

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"] == ["body", member]


def test_a_pool_that_is_not_there_has_no_slots(application: Application) -> None:
    reply = application.post("/work_pools/nobody/concurrency_status", {})

    assert reply.status_code == 404
    assert reply.json() == {"detail": "Work pool 'nobody' not found."}


def test_what_is_read_does_not_depend_on_how_many_queues_there_are(busy: Pool) -> None:
    if busy.application.runtime.database.dialect != "sqlite":
        pytest.skip("Only SQLite's statements are traced.")
    few = plans_of(busy.application, f"{busy.path}/concurrency_status", {})
    for number in range(5):
        busy.add_queue(f"more-{number}")
        busy.run(f"more-{number}", "RUNNING")
    many = plans_of(busy.application, f"{busy.path}/concurrency_status", {})

    assert len(few) == len(many)


def test_runs_that_take_slots_are_found_by_an_index_of_them_alone(busy: Pool) -> None:
    if busy.application.runtime.database.dialect != "sqlite":
        pytest.skip("PostgreSQL takes what index it likes by what it knows of the rows.")
    asked: list[tuple[str, dict[str, Any]]] = [
        (f"{busy.path}/concurrency_status", {}),
        (f"{busy.path}/queues/filter", {}),
        ("/work_pools/filter", {}),
    ]
    for path, body in asked:
        for sql, plan in plans_of(busy.application, path, body):
            used = [line for line in plan if "flow_run" in line and "SEARCH" in line]
            assert all("ix_flow_run_busy" in line for line in used), (sql, plan)
            assert used or "flow_run" not in sql, (sql, plan)
