"""Work queues for clients that know no pools: making, reading, changing and deleting them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete

from ephemeral_server.clock import isoformat, later
from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.work_queues.default_agent import NAME as POOL
from ephemeral_server.work_queues.schemas import WorkQueueResponse
from tests.api.objects import NOBODY
from tests.api.shapes import assert_shape
from tests.api.work_pools.polls import row
from tests.application import Application


class Queues:
    """Work queues, with no pool there at first."""

    def __init__(self, application: Application) -> None:
        self.application = application

        def work(tx: Transaction) -> None:
            tx.connection.execute(delete(work_pool))

        application.write(work)
        application.events.clear()

    def make(self, name: str | None = None, **given: Any) -> dict[str, Any]:
        body = {"name": name or f"queue-{uuid4()}", **given}
        answer = self.application.post("/work_queues/", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def read(self, id: str) -> dict[str, Any]:
        answer = self.application.get(f"/work_queues/{id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def change(self, id: str, **given: Any) -> int:
        return self.application.patch(f"/work_queues/{id}", given).status_code

    def priorities(self) -> dict[str, int]:
        """Of the queues in the pool for them."""
        found = self.application.post(f"/work_pools/{POOL}/queues/filter", {}).json()
        return {queue["name"]: queue["priority"] for queue in found}

    def told(self, id: str) -> list[str]:
        """What events tell of a queue."""
        about = f"prefect.work-queue.{id}"
        events = self.application.events
        return [
            each.event.removeprefix("prefect.work-queue.")
            for each in events
            if each.resource["prefect.resource.id"] == about
        ]


@pytest.fixture
def queues(application: Application) -> Queues:
    return Queues(application)


def test_the_pool_is_made_with_the_first_queue(queues: Queues) -> None:
    assert queues.application.get(f"/work_pools/{POOL}").status_code == 404
    made = queues.make("a")
    pool = queues.application.get(f"/work_pools/{POOL}").json()
    assert (pool["type"], pool["status"]) == ("prefect-agent", None)
    assert (made["work_pool_id"], made["work_pool_name"]) == (pool["id"], POOL)
    assert queues.priorities() == {"default": 1, "a": 2}
    assert [each.event.removeprefix("prefect.") for each in queues.application.events] == [
        "work-queue.created",
        "work-pool.created",
        "work-queue.created",
    ]


def test_the_default_queue_comes_with_the_pool(queues: Queues) -> None:
    made = queues.make("default")
    pool = queues.application.get(f"/work_pools/{POOL}").json()
    assert made["id"] == pool["default_queue_id"]
    assert queues.application.post("/work_queues/", {"name": "default"}).status_code == 409


def test_a_queue_is_what_was_given(queues: Queues) -> None:
    tags = {"tags": ["a"], "deployment_ids": None}
    made = queues.make("q", description="d", concurrency_limit=3, is_paused=True, filter=tags)
    assert_shape(WorkQueueResponse, made)
    expected = {"name": "q", "description": "d", "concurrency_limit": 3, "is_paused": True}
    assert expected.items() <= made.items()
    assert (made["filter"], made["status"], made["active_slots"]) == (tags, "NOT_READY", 0)
    assert queues.read(made["id"]) == made


def test_others_move_on_for_a_new_queue(queues: Queues) -> None:
    queues.make("a")
    queues.make("b", priority=1)
    assert queues.priorities() == {"b": 1, "default": 2, "a": 3}


def test_a_name_is_there_once(queues: Queues) -> None:
    queues.make("a")
    answer = queues.application.post("/work_queues/", {"name": "a"})
    assert answer.status_code == 409
    assert answer.json() == {"detail": "A work queue with this name already exists."}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a/b"},
        {"name": "a", "priority": 0},
        {"name": "a", "concurrency_limit": -1},
        {"name": "a", "color": "red"},
    ],
)
def test_what_is_no_queue(queues: Queues, body: dict[str, Any]) -> None:
    assert queues.application.post("/work_queues/", body).status_code == 422


def test_a_name_is_looked_for_in_the_pool_for_such_queues(queues: Queues) -> None:
    elsewhere = {"work_pool_id": queues.application.insert(work_pool), "name": "a"}
    other = queues.application.insert(work_queue, **elsewhere)
    assert queues.application.get("/work_queues/name/a").json()["id"] == other

    made = queues.make("a")

    assert queues.application.get("/work_queues/name/a").json() == made


def test_the_list_has_the_queues_of_all_pools_by_name(queues: Queues) -> None:
    elsewhere = {"work_pool_id": queues.application.insert(work_pool), "name": "b"}
    queues.application.insert(work_queue, **elsewhere)
    for name in ("c", "a"):
        queues.make(name)

    def names(**body: Any) -> list[str]:
        return [q["name"] for q in queues.application.post("/work_queues/filter", body).json()]

    assert names() == ["a", "b", "c", "default"]
    assert names(limit=2, offset=1) == ["b", "c"]
    assert names(work_queues={"name": {"startswith_": ["A"]}}) == ["a"]


def test_a_queue_is_changed_and_that_is_told(queues: Queues) -> None:
    made = queues.make()
    new = {"name": "new", "description": "d", "concurrency_limit": 2, "filter": {"tags": ["a"]}}
    assert queues.change(made["id"], **new) == 204
    found = queues.read(made["id"])
    new["filter"] = {"tags": ["a"], "deployment_ids": None}
    assert new.items() <= found.items()
    assert queues.told(made["id"]) == ["created", "updated"]


def test_no_other_queue_moves_for_a_new_priority(queues: Queues) -> None:
    id = queues.make("a")["id"]
    queues.change(id, priority=1)
    assert queues.priorities() == {"default": 1, "a": 1}


def test_a_queue_keeps_its_own_name_but_gets_no_other_ones(queues: Queues) -> None:
    id = queues.make("a")["id"]
    queues.make("b")
    assert queues.change(id, name="a") == 204
    assert queues.change(id, name="b") == 409
    assert queues.read(id)["name"] == "a"


@pytest.mark.parametrize("member", ["name", "description", "priority", "is_paused"])
def test_what_cannot_be_taken_away(queues: Queues, member: str) -> None:
    assert queues.change(queues.make()["id"], **{member: None}) == 422


def test_a_name_that_no_path_could_hold(queues: Queues) -> None:
    assert queues.change(queues.make()["id"], name="a/b") == 422


@pytest.mark.parametrize(("ago", "status"), [(None, "NOT_READY"), (60, "READY"), (61, "NOT_READY")])
def test_an_unpaused_queue_is_ready_if_it_was_polled_lately(
    queues: Queues, ago: int | None, status: str
) -> None:
    id = queues.make()["id"]
    queues.change(id, is_paused=True)
    assert queues.read(id)["status"] == "PAUSED"
    polled = None if ago is None else isoformat(later(queues.application.clock.now(), -ago))
    queues.change(id, is_paused=False, last_polled=polled)
    assert queues.read(id)["status"] == status
    assert queues.told(id)[1:] == ["paused", status.lower().replace("_", "-")]


def test_a_deleted_queue_is_gone(queues: Queues) -> None:
    id = queues.make()["id"]
    assert queues.application.delete(f"/work_queues/{id}").status_code == 204
    assert queues.application.get(f"/work_queues/{id}").status_code == 404
    assert queues.told(id) == ["created", "deleted"]


def test_the_default_queue_cannot_be_deleted(queues: Queues) -> None:
    id = queues.make("default")["id"]
    answer = queues.application.delete(f"/work_queues/{id}")
    assert answer.status_code == 409
    assert "default queue" in answer.json()["detail"]
    assert row(queues.application, work_queue, id)["name"] == "default"


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("GET", "/name/nobody", None, {"detail": "work queue not found"}),
        ("GET", f"/{NOBODY}", None, {"detail": "work queue not found"}),
        ("GET", "/no-id", None, {"detail": "Not Found"}),
        ("PATCH", f"/{NOBODY}", {}, {"detail": f"Work Queue {NOBODY} not found"}),
        ("DELETE", f"/{NOBODY}", None, {"detail": "work queue not found"}),
        (
            "POST",
            f"/{NOBODY}/get_runs",
            {},
            {"exception_message": f"Work queue with id {NOBODY} not found."},
        ),
        (
            "GET",
            f"/{NOBODY}/status",
            None,
            {"exception_message": f"Work queue with id {NOBODY} not found"},
        ),
        ("POST", f"/{NOBODY}/concurrency_status", {}, {"detail": "Work queue not found."}),
    ],
)
def test_no_such_queue(
    queues: Queues, method: str, path: str, body: Any, said: dict[str, str]
) -> None:
    answer = queues.application.request(method, f"/work_queues{path}", body)
    assert (answer.status_code, answer.json()) == (404, said)


def test_the_default_queue_that_comes_with_the_pool_is_as_the_body_says(queues: Queues) -> None:
    said = {"description": "mine", "concurrency_limit": 2, "is_paused": True, "priority": 5}
    made = queues.make("default", **said)

    assert {member: made[member] for member in said} == said
