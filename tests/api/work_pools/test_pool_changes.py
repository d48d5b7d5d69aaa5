"""Changing work pools."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.work_pools.pools import Pool, refusal
from tests.application import Application

NO_STORAGE = {
    "bundle_upload_step": None,
    "bundle_execution_step": None,
    "default_result_storage_block_id": None,
}
UPLOAD = {"bundle_upload_step": {"a": 1}}
EXECUTION = {"bundle_execution_step": {"b": [2]}}
TEMPLATE = {"job_configuration": {"a": "{{ y }}"}, "variables": {"properties": {"y": {}}}}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("description", "new"),
        ("is_paused", True),
        ("base_job_template", TEMPLATE),
        ("concurrency_limit", 0),
    ],
)
def test_a_member_is_replaced_and_the_others_stay(pool: Pool, member: str, value: Any) -> None:
    before = pool.read()
    pool.change(**{member: value})

    after = pool.read()
    assert after[member] == value
    follows = {"updated", "status", "active_slots", member}
    assert {k: v for k, v in after.items() if k not in follows} == {
        k: v for k, v in before.items() if k not in follows
    }


def test_every_change_is_dated_even_one_of_nothing(pool: Pool) -> None:
    pool.application.clock.advance(1)
    pool.change()

    assert pool.read()["updated"] > pool.made["updated"]
    assert pool.read()["created"] == pool.made["created"]


def test_a_description_and_a_limit_may_be_taken_away(application: Application) -> None:
    pool = Pool(application, description="d", concurrency_limit=1)
    pool.change(description=None, concurrency_limit=None)

    assert (pool.read()["description"], pool.read()["concurrency_limit"]) == (None, None)


def test_the_storage_is_replaced_as_a_whole(application: Application) -> None:
    pool = Pool(application, storage_configuration=UPLOAD)
    pool.change(storage_configuration=EXECUTION)

    assert pool.read()["storage_configuration"] == {**NO_STORAGE, **EXECUTION}


@pytest.mark.parametrize("member", ["is_paused", "base_job_template", "storage_configuration"])
def test_what_a_pool_must_have_cannot_be_taken_away(pool: Pool, member: str) -> None:
    reply = pool.application.patch(pool.path, {member: None})

    assert refusal(reply) == (["body", member], "Value error, must not be null")


@pytest.mark.parametrize(("member", "value"), [("name", "x"), ("type", "x"), ("other", 1)])
def test_other_members_cannot_be_changed(pool: Pool, member: str, value: Any) -> None:
    where, why = refusal(pool.application.patch(pool.path, {member: value}))

    assert (where, why) == (["body", member], "Extra inputs are not permitted")


def test_a_pool_that_is_not_there_cannot_be_changed(application: Application) -> None:
    reply = application.patch("/work_pools/nobody", {})

    assert reply.status_code == 404
    assert reply.json() == {"detail": 'Work pool "nobody" not found.'}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"description": "x"}, 403),
        ({"is_paused": True, "storage_configuration": {}}, 403),
        ({"is_paused": True}, 404),
        ({"concurrency_limit": 1}, 404),
    ],
)
def test_of_pools_of_the_system_only_the_running_is_changed(
    application: Application, body: dict[str, Any], status: int
) -> None:
    reply = application.patch("/work_pools/Prefect-x", body)

    assert reply.status_code == status
    if status == 403:
        assert reply.json()["detail"] == (
            "Work pools starting with 'Prefect' are reserved for internal use and can only be "
            "updated to set concurrency limits or pause."
        )


def test_changes_are_told_with_what_they_were_before(pool: Pool) -> None:
    pool.change(description="new", base_job_template=TEMPLATE, storage_configuration=UPLOAD)

    (event,) = pool.events("work-pool.updated")
    assert event.payload["updates"] == {
        "description": {"from": None, "to": "new"},
        "base_job_template": {"from": {}, "to": TEMPLATE},
        "storage_configuration": {"from": NO_STORAGE, "to": {**NO_STORAGE, **UPLOAD}},
    }
    assert event.payload["updated_fields"] == list(event.payload["updates"])
    assert event.related == []


def test_what_stays_the_same_is_not_told(application: Application) -> None:
    pool = Pool(application, description="d", concurrency_limit=1)
    before = pool.told()
    pool.change(description="d", concurrency_limit=1, base_job_template={})

    assert pool.told() == before


@pytest.mark.parametrize(
    ("body", "heeded"),
    [
        ({"base_job_template": {}}, True),
        ({"concurrency_limit": None}, True),
        ({"is_paused": False}, True),
        ({"storage_configuration": {}}, True),
        ({"description": "x"}, False),
        ({}, False),
    ],
)
def test_what_workers_heed_is_noticed_in_the_process(
    pool: Pool, body: dict[str, Any], heeded: bool
) -> None:
    heard: list[str] = []
    pool.application.runtime.database.notices.listen("work pools", heard.append)
    pool.change(**body)

    assert (pool.made["id"] in heard) is heeded
