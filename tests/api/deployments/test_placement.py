"""Which pool and queue a deployment is in."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete

from ephemeral_server.database.tables import work_queue
from tests.api.deployments.conftest import Deployments

#: The pool and queue of a deployment, as it is answered.
Place = tuple[str | None, str | None]
OLD = "default-agent-pool"


def place(of: dict[str, Any], pool: str) -> Place:
    """Where a deployment is; the pool of its test is ``P``."""
    assert (of["work_queue_id"] is None) == (of["work_pool_name"] is None)
    name = of["work_pool_name"]
    return "P" if name == pool else name, of["work_queue_name"]


def in_pool(given: dict[str, Any], pool: str) -> dict[str, Any]:
    return {key: pool if value == "P" else value for key, value in given.items()}


def said(pool: Any = ..., queue: Any = ...) -> dict[str, Any]:
    given = {"work_pool_name": pool, "work_queue_name": queue}
    return {key: value for key, value in given.items() if value is not ...}


POSTED: list[tuple[dict[str, Any], Place]] = [
    (said(), (None, None)),
    (said("P"), ("P", "default")),
    (said("P", None), ("P", "default")),
    (said("P", ""), ("P", "default")),
    (said("P", "q"), ("P", "q")),
    (said(None, None), (None, None)),
    (said(queue="q"), (OLD, "q")),
    (said(None, "q"), (OLD, "q")),
    (said("", "q"), (OLD, "q")),
    (said(OLD), (OLD, "default")),
    (said(OLD, "q"), (OLD, "q")),
]
# Of a deployment that is in queue "own" of pool P.
POSTED_AGAIN: list[tuple[dict[str, Any], Place]] = [
    (said(), ("P", "own")),
    (said(None), ("P", "own")),
    (said(None, None), ("P", "own")),
    (said("P"), ("P", "default")),
    (said("P", "q"), ("P", "q")),
    (said(queue="q"), (OLD, "q")),
]
PATCHED: list[tuple[dict[str, Any], Place]] = [
    (said(), ("P", "own")),
    (said(""), ("P", "own")),
    (said("P"), ("P", "default")),
    (said("P", "q"), ("P", "q")),
    (said(queue="q"), (OLD, "q")),
    (said(queue=None), ("P", "own")),
    (said(None), (None, "own")),
    (said(None, "q"), (None, "q")),
    (said(None, None), (None, None)),
    (said(OLD), (OLD, "default")),
]


@pytest.mark.parametrize(("given", "where"), POSTED)
def test_a_new_one_is_put_where_it_is_said(
    deployments: Deployments, given: dict[str, Any], where: Place
) -> None:
    pool = deployments.pool()

    made = deployments.new(**in_pool(given, pool))

    assert place(made, pool) == where


@pytest.mark.parametrize(("given", "where"), POSTED_AGAIN)
def test_one_that_is_posted_again_stays_unless_a_place_is_said(
    deployments: Deployments, given: dict[str, Any], where: Place
) -> None:
    pool = deployments.pool()
    made = deployments.new(work_pool_name=pool, work_queue_name="own")

    assert place(deployments.again(made, **in_pool(given, pool)), pool) == where


@pytest.mark.parametrize(("given", "where"), PATCHED)
def test_a_change_can_move_it_and_take_it_out(
    deployments: Deployments, given: dict[str, Any], where: Place
) -> None:
    pool = deployments.pool()
    made = deployments.new(work_pool_name=pool, work_queue_name="own")

    assert place(deployments.patched(made["id"], **in_pool(given, pool)), pool) == where


def test_a_queue_that_is_there_is_taken(deployments: Deployments) -> None:
    pool = deployments.pool()

    first = deployments.new(work_pool_name=pool, work_queue_name="q")
    second = deployments.new(work_pool_name=pool, work_queue_name="q")

    assert first["work_queue_id"] == second["work_queue_id"]


def test_a_pool_that_is_not_there_is_not_found(deployments: Deployments) -> None:
    made = deployments.new()
    given = {"work_pool_name": "nowhere", "work_queue_name": "q"}

    posted = deployments.application.post("/deployments/", deployments.body(**given))
    patched = deployments.patch(made["id"], **given)

    for answer in (posted, patched):
        assert (answer.status_code, answer.json()) == (
            404,
            {"detail": 'Work pool "nowhere" not found.'},
        )
    assert deployments.read(made["id"]) == made


def test_the_name_of_a_queue_that_was_deleted_is_kept(deployments: Deployments) -> None:
    pool = deployments.pool()
    made = deployments.new(work_pool_name=pool, work_queue_name="q")

    deployments.application.write(
        lambda tx: tx.connection.execute(
            delete(work_queue).where(work_queue.c.id == made["work_queue_id"])
        )
    )

    assert place(deployments.read(made["id"]), pool) == (None, "q")


def test_a_refused_request_makes_no_queue(deployments: Deployments) -> None:
    pool = deployments.pool()
    body = deployments.body(
        work_pool_name=pool,
        work_queue_name="q",
        storage_document_id="00000000-0000-0000-0000-000000000000",
    )

    assert deployments.application.post("/deployments/", body).status_code == 409

    queues = deployments.application.post(f"/work_pools/{pool}/queues/filter", {}).json()
    assert [queue["name"] for queue in queues] == ["default"]
