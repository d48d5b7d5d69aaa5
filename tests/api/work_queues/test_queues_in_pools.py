"""Queues of work pools: made, read, listed, changed and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.work_queues.schemas import WorkQueueResponse
from tests.api.shapes import assert_shape
from tests.api.work_pools.pools import Pool, refusal

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def test_a_new_queue_is_answered_as_it_is_read(pool: Pool) -> None:
    made = pool.add_queue("a", description="d é", concurrency_limit=0)

    assert_shape(WorkQueueResponse, made)
    assert pool.queue("a") == made
    assert (made["description"], made["concurrency_limit"], made["active_slots"]) == ("d é", 0, 0)
    assert (made["work_pool_id"], made["work_pool_name"]) == (pool.made["id"], pool.name)
    assert (made["status"], made["last_polled"], made["filter"]) == ("NOT_READY", None, None)


def test_a_queue_without_a_description_has_an_empty_one(pool: Pool) -> None:
    assert pool.add_queue("a")["description"] == ""
    assert pool.add_queue("b", description=None)["description"] == ""


def test_a_queue_keeps_the_criteria_of_old_clients(pool: Pool) -> None:
    made = pool.add_queue("a", filter={"tags": ["x"], "deployment_ids": [ID], "other": 1})
    assert made["filter"] == {"tags": ["x"], "deployment_ids": [ID]}
    pool.change_queue("a", filter={"tags": ["y"]})
    assert pool.queue("a")["filter"] == {"tags": ["y"], "deployment_ids": None}
    pool.change_queue("a", filter=None)
    assert pool.queue("a")["filter"] is None


def test_a_new_queue_is_told_with_its_pool(pool: Pool) -> None:
    made = pool.add_queue("a")

    event = pool.events()[-1]
    assert event.event == "prefect.work-queue.created"
    assert event.resource == {
        "prefect.resource.id": f"prefect.work-queue.{made['id']}",
        "prefect.resource.role": "work-queue",
        "prefect.resource.name": "a",
    }
    assert event.related == [
        {
            "prefect.resource.id": f"prefect.work-pool.{pool.made['id']}",
            "prefect.resource.role": "work-pool",
            "prefect.resource.name": pool.name,
            "prefect.work-pool.type": "process",
        }
    ]


def test_a_name_is_taken_once_in_each_pool(pool: Pool) -> None:
    Pool(pool.application).add_queue("a")
    pool.add_queue("a")
    before = pool.priorities()
    reply = pool.application.post(f"{pool.path}/queues", {"name": "a", "priority": 1})

    assert reply.status_code == 409
    assert reply.json() == {
        "detail": f"A work queue with this name already exists in work pool '{pool.name}'."
    }
    assert pool.priorities() == before


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", ""),
        ("name", "a/b"),
        ("name", 7),
        ("name", None),
        ("priority", 0),
        ("priority", 1.5),
        ("priority", 2**62),
        ("concurrency_limit", -1),
        ("concurrency_limit", 2**63),
        ("is_paused", None),
        ("filter", {"deployment_ids": ["x"]}),
        ("other", 1),
    ],
)
def test_members_that_do_not_fit_are_refused(pool: Pool, member: str, value: Any) -> None:
    reply = pool.application.post(f"{pool.path}/queues", {"name": "a", member: value})

    assert refusal(reply)[0][:2] == ["body", member]


@pytest.mark.parametrize(
    ("method", "path", "body", "detail"),
    [
        ("POST", "/nobody/queues", {"name": "a"}, 'Work pool "nobody" not found.'),
        ("POST", "/nobody/queues/filter", {}, 'Work pool "nobody" not found.'),
        ("PATCH", "/nobody/queues/a", {}, 'Work pool "nobody" not found.'),
        ("DELETE", "/nobody/queues/a", None, 'Work pool "nobody" not found.'),
        ("GET", "/nobody/queues/a", None, "Work pool queue 'nobody/a' not found."),
        ("GET", "/{pool}/queues/a", None, "Work pool queue '{pool}/a' not found."),
        ("PATCH", "/{pool}/queues/a", {}, "Work pool queue '{pool}/a' not found."),
        ("DELETE", "/{pool}/queues/a", None, "Work pool queue '{pool}/a' not found."),
    ],
)
def test_what_is_not_there_is_answered_so(
    pool: Pool, method: str, path: str, body: Any, detail: str
) -> None:
    path = path.format(pool=pool.name)
    reply = pool.application.request(method, f"/work_pools{path}", body)

    assert reply.status_code == 404
    assert reply.json() == {"detail": detail.format(pool=pool.name)}


def test_queues_are_listed_by_priority(pool: Pool) -> None:
    pool.add_queue("b")
    pool.add_queue("a", priority=1)

    assert [queue["name"] for queue in pool.queues()] == ["a", "default", "b"]
    assert [queue["name"] for queue in pool.queues(limit=1, offset=1)] == ["default"]


def test_queues_are_found_by_the_beginning_of_their_names(pool: Pool) -> None:
    for name in ("Ab", "ac", "ba"):
        pool.add_queue(name)
    names = [q["name"] for q in pool.queues(work_queues={"name": {"startswith_": ["A", "def"]}})]

    assert names == ["default", "Ab", "ac"]


def test_queues_of_other_pools_are_not_found(pool: Pool) -> None:
    other = Pool(pool.application).made["default_queue_id"]

    assert pool.queues(work_queues={"id": {"any_": [other]}}) == []


@pytest.mark.parametrize("body", [{"work_queues": {"other": 1}}, {"limit": -1}, {"limit": 201}])
def test_a_list_that_does_not_fit_is_refused(pool: Pool, body: dict[str, Any]) -> None:
    assert pool.application.post(f"{pool.path}/queues/filter", body).status_code == 422


def test_runs_that_are_pending_or_running_take_slots(pool: Pool) -> None:
    pool.add_queue("a", concurrency_limit=1)
    for state in ("PENDING", "RUNNING", "CANCELLING", "SCHEDULED"):
        pool.run("a", state)
        pool.run("default", state)

    assert pool.queue("a")["active_slots"] == 2
    assert [queue["active_slots"] for queue in pool.queues()] == [None, 2]


def test_a_change_is_told_with_what_was_before(pool: Pool) -> None:
    pool.add_queue("a")
    pool.add_queue("b")
    pool.change_queue("b", name="c", description="d", concurrency_limit=1, priority=1)

    event = pool.events()[-1]
    assert event.event == "prefect.work-queue.updated"
    assert event.resource["prefect.resource.name"] == "c"
    assert event.payload == {
        "updated_fields": ["name", "description", "concurrency_limit", "priority"],
        "updates": {
            "name": {"from": "b", "to": "c"},
            "description": {"from": "", "to": "d"},
            "concurrency_limit": {"from": None, "to": 1},
            "priority": {"from": 3, "to": 1},
        },
    }


def test_what_stays_the_same_is_not_told_but_dated(pool: Pool) -> None:
    made = pool.add_queue("a")
    before = pool.told()
    pool.application.clock.advance(1)
    pool.change_queue("a", description="", priority=2)

    assert pool.told() == before
    assert pool.queue("a")["updated"] > made["updated"]


@pytest.mark.parametrize("member", ["name", "description", "is_paused", "priority"])
def test_what_a_queue_must_have_cannot_be_taken_away(pool: Pool, member: str) -> None:
    reply = pool.application.patch(f"{pool.path}/queues/default", {member: None})

    assert refusal(reply)[0] == ["body", member]


@pytest.mark.parametrize("name", ["", "a/b", "a%", "a\x00"])
def test_a_queue_cannot_be_renamed_to_what_no_path_can_hold(pool: Pool, name: str) -> None:
    reply = pool.application.patch(f"{pool.path}/queues/default", {"name": name})

    assert refusal(reply)[0] == ["body", "name"]
    assert pool.queue("default")["name"] == "default"


def test_a_queue_cannot_be_renamed_to_another(pool: Pool) -> None:
    pool.add_queue("a")
    before = pool.told()
    reply = pool.application.patch(f"{pool.path}/queues/a", {"name": "default", "priority": 9})

    assert reply.status_code == 409
    assert "already exists" in reply.json()["detail"]
    assert (pool.priorities(), pool.told()) == ({"default": 1, "a": 2}, before)


def test_a_queue_may_be_renamed_to_itself(pool: Pool) -> None:
    pool.change_queue("default", name="default")

    assert pool.queue("default")["id"] == pool.made["default_queue_id"]


def test_a_deleted_queue_is_gone_and_told(pool: Pool) -> None:
    pool.add_queue("a")
    run = pool.run("a", "SCHEDULED")

    assert pool.application.delete(f"{pool.path}/queues/a").status_code == 204
    assert pool.application.get(f"{pool.path}/queues/a").status_code == 404
    assert pool.told()[-1] == "work-queue.deleted"
    shown = pool.application.get(f"/flow_runs/{run}").json()
    assert (shown["work_queue_id"], shown["work_queue_name"]) == (None, "a")


def test_the_default_queue_cannot_be_deleted_even_under_another_name(pool: Pool) -> None:
    pool.change_queue("default", name="main")
    before = pool.told()
    reply = pool.application.delete(f"{pool.path}/queues/main")

    assert reply.status_code == 409
    assert reply.json() == {"detail": "The default queue of a work pool cannot be deleted."}
    assert pool.queue("main")["id"] == pool.made["default_queue_id"]
    assert pool.told() == before
