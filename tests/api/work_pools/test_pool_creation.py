"""Making work pools."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.work_pools.schemas import WorkPoolResponse
from tests.api.shapes import assert_shape
from tests.api.work_pools.pools import Pool, refusal
from tests.application import Application

BLOCK = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
NO_STORAGE = {
    "bundle_upload_step": None,
    "bundle_execution_step": None,
    "default_result_storage_block_id": None,
}


def test_a_new_pool_is_answered_as_it_is_read(application: Application) -> None:
    pool = Pool(application, description="d é", concurrency_limit=5)

    assert_shape(WorkPoolResponse, pool.made)
    assert pool.read() == pool.made
    shown = {key: pool.made[key] for key in ("type", "description", "concurrency_limit")}
    assert shown == {"type": "process", "description": "d é", "concurrency_limit": 5}
    assert (pool.made["status"], pool.made["active_slots"]) == ("NOT_READY", 0)
    assert pool.made["base_job_template"] == {}
    assert pool.made["storage_configuration"] == NO_STORAGE


def test_a_pool_without_a_limit_counts_no_slots(pool: Pool) -> None:
    assert pool.made["active_slots"] is None


def test_a_new_pool_has_a_default_queue(pool: Pool) -> None:
    (queue,) = pool.queues()

    assert queue["id"] == pool.made["default_queue_id"]
    assert (queue["name"], queue["priority"]) == ("default", 1)
    assert queue["description"] == "The work pool's default queue."


def test_a_new_pool_is_told_after_its_queue_and_before_its_status(pool: Pool) -> None:
    assert pool.told() == ["work-queue.created", "work-pool.created", "work-pool.not-ready"]
    _, made, status = pool.events()
    about = {
        "prefect.resource.id": f"prefect.work-pool.{pool.made['id']}",
        "prefect.resource.name": pool.name,
        "prefect.work-pool.type": "process",
    }
    assert made.resource == {**about, "prefect.resource.role": "work-pool"}
    assert made.related == [
        {
            "prefect.resource.id": f"prefect.work-queue.{pool.made['default_queue_id']}",
            "prefect.resource.role": "default-queue",
        }
    ]
    assert (status.resource, status.related, status.follows) == (about, [], None)


def test_a_pool_may_be_made_paused(application: Application) -> None:
    pool = Pool(application, is_paused=True)

    assert pool.made["status"] == "PAUSED"
    assert pool.told()[-1] == "work-pool.paused"


def test_a_pool_that_agents_serve_tells_no_status(application: Application) -> None:
    name = f"agents-{uuid4()}"
    made = application.post("/work_pools/", {"name": name}).json()

    assert (made["type"], made["status"]) == ("prefect-agent", None)


def test_a_pool_tells_of_the_block_that_keeps_its_results(application: Application) -> None:
    storage = {"bundle_upload_step": {"a": 1}, "default_result_storage_block_id": BLOCK}
    pool = Pool(application, storage_configuration=storage)

    assert pool.read()["storage_configuration"] == {**NO_STORAGE, **storage}
    (event,) = pool.events("work-pool.created")
    assert event.related[-1] == {
        "prefect.resource.id": f"prefect.block-document.{BLOCK}",
        "prefect.resource.role": "result-storage",
    }


def test_a_name_is_taken_once(pool: Pool) -> None:
    reply = pool.application.post("/work_pools/", {"name": pool.name})

    assert reply.status_code == 409
    assert reply.json() == {"detail": "A work pool with this name already exists."}
    assert len(pool.queues()) == 1


@pytest.mark.parametrize("name", ["prefect", "Prefect-x", "PREFECT pool"])
def test_names_of_the_system_are_reserved(application: Application, name: str) -> None:
    reply = application.post("/work_pools/", {"name": name})

    assert reply.status_code == 403
    assert reply.json() == {
        "detail": "Work pools starting with 'Prefect' are reserved for internal use."
    }


@pytest.mark.parametrize("name", ["", "  ", "'", "\" '"])
def test_a_name_must_not_be_blank(application: Application, name: str) -> None:
    where, why = refusal(application.post("/work_pools/", {"name": name}))

    assert (where, why) == (["body", "name"], "Value error, name cannot be an empty string")


@pytest.mark.parametrize(
    ("member", "value", "where"),
    [
        ("name", "a/b", []),
        ("name", 5, []),
        ("name", None, []),
        ("name", "a\x00b", []),
        ("type", None, []),
        ("description", 1, []),
        ("is_paused", None, []),
        ("concurrency_limit", -1, []),
        ("concurrency_limit", 2.5, []),
        ("concurrency_limit", 2**63, []),
        ("base_job_template", None, []),
        ("base_job_template", [], []),
        ("storage_configuration", None, []),
        ("storage_configuration", {"other": 1}, ["other"]),
        (
            "storage_configuration",
            {"default_result_storage_block_id": "x"},
            ["default_result_storage_block_id"],
        ),
        ("unknown", 1, []),
    ],
)
def test_members_that_do_not_fit_are_refused(
    application: Application, member: str, value: Any, where: list[str]
) -> None:
    body = {"name": f"pool-{uuid4()}", member: value}

    assert refusal(application.post("/work_pools/", body))[0] == ["body", member, *where]


def test_a_limit_may_be_zero_or_as_large_as_a_database_stores(application: Application) -> None:
    for limit in (0, 2**63 - 1):
        assert Pool(application, concurrency_limit=limit).read()["concurrency_limit"] == limit
