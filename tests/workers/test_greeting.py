"""What a worker that says hello gets, and which workers are sent off."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from ephemeral_server.database import Database, Transaction
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.work_pools import store
from ephemeral_server.work_pools.store import PoolRow
from ephemeral_server.workers.channel import admission, connection, greeting
from ephemeral_server.workers.channel.frames import Hello
from tests.application import Application
from tests.workers.pools import Pool
from tests.workers.said import CLEANER, HEARTBEATS, SNAPSHOTS, Json, frame, heartbeat, hello
from tests.workers.talking import connected, working

TEMPLATE: Json = {
    "job_configuration": {"command": "{{ command }}"},
    "variables": {"properties": {"command": {"type": "string", "default": "run"}}},
}
#: A default that does not fit.
UNFIT: Json = {
    "job_configuration": {"command": "{{ command }}"},
    "variables": {"properties": {"command": {"type": "string", "default": 5}}},
}

PROTOCOL_ERROR = (1002, "protocol_error")
AUTHORIZATION_FAILED = (1008, "authorization_failed")


def new_name() -> str:
    return f"pool-{uuid4()}"


def refused(application: Application, pool_name: str, said: Any) -> tuple[int, str]:
    """How the channel ends after the first frame."""
    with connected(application, pool_name) as worker:
        worker.say(said)
        return worker.end()


def refused_hello(application: Application, pool_name: str, **changes: Any) -> tuple[int, str]:
    return refused(application, pool_name, frame("worker.hello.v1", hello(**changes)))


def told_of(application: Application, pool_id: str) -> list[str]:
    """The names of the events of a pool."""
    own = f"prefect.work-pool.{pool_id}"
    return [event.event for event in application.events if event.resource_id == own]


def test_everything_is_ready(application: Application, pool: Pool) -> None:
    low = pool.queue("low")
    high = pool.queue("high", priority=1)
    with working(application, pool.name, heartbeat_interval_seconds=7) as worker:
        shown = pool.read()
        assert worker.ready == {
            "consumer_id": worker.hello["consumer_id"],
            "worker_id": None,
            "selected_channel_version": "work_pool_worker_channel.v1",
            "effective_heartbeat_interval_seconds": 7,
            "accepted_capabilities": [HEARTBEATS, SNAPSHOTS],
            "rejected_capabilities": [],
            "effective_max_cleanup_concurrency": 0,
            "resolved_work_queues": [
                {"id": high, "name": "high"},
                {"id": shown["default_queue_id"], "name": "default"},
                {"id": low, "name": "low"},
            ],
            "initial_snapshot": {"snapshot_sequence": 1, "reason": "initial", "work_pool": shown},
        }


def test_the_answer_tells_what_is_cleaned_up(application: Application, pool: Pool) -> None:
    wanted = [*CLEANER["requested_capabilities"], "other.v1"]
    given = {**CLEANER, "requested_capabilities": wanted, "max_cleanup_concurrency": 3}
    with working(application, pool.name, **given) as worker:
        assert worker.ready["accepted_capabilities"] == CLEANER["requested_capabilities"]
        assert worker.ready["rejected_capabilities"] == ["other.v1"]
        assert worker.ready["effective_max_cleanup_concurrency"] == 3


def test_the_queues_that_are_named_come_once_in_their_order(
    application: Application, pool: Pool
) -> None:
    pool.queue("low")
    names = ["low", "default", "low"]
    with working(application, pool.name, work_queue_names=names) as worker:
        found = [queue["name"] for queue in worker.ready["resolved_work_queues"]]
    assert found == ["low", "default"]


def test_the_worker_lives_and_its_pool_is_ready(application: Application, pool: Pool) -> None:
    with working(application, pool.name, heartbeat_interval_seconds=7) as worker:
        assert worker.ready["initial_snapshot"]["work_pool"]["status"] == "READY"
    [shown] = pool.workers()
    assert (shown["name"], shown["status"], shown["heartbeat_interval_seconds"]) == (
        "worker",
        "ONLINE",
        7,
    )
    assert told_of(application, pool.id)[-1] == "prefect.work-pool.ready"


def test_a_paused_pool_stays_paused(application: Application, pool: Pool) -> None:
    pool.change(is_paused=True)
    with working(application, pool.name) as worker:
        assert worker.ready["initial_snapshot"]["work_pool"]["status"] == "PAUSED"


# A pool that the worker brings


@pytest.mark.parametrize("template", [{}, TEMPLATE])
def test_a_missing_pool_is_made_if_the_worker_wants_it(
    application: Application, template: Json
) -> None:
    name = new_name()
    given = {"create_pool_if_not_found": True, "default_base_job_template": template}
    with working(application, name, worker_type="docker", **given) as worker:
        made = worker.ready["initial_snapshot"]["work_pool"]
        assert (made["name"], made["type"]) == (name, "docker")
        assert made["base_job_template"] == template
        assert made["status"] == "READY"
        assert [queue["name"] for queue in worker.ready["resolved_work_queues"]] == ["default"]
    assert application.get(f"/work_pools/{name}").json() == made
    assert told_of(application, made["id"]) == [
        "prefect.work-pool.created",
        "prefect.work-pool.ready",
    ]


def test_a_missing_pool_is_missing(application: Application) -> None:
    assert refused_hello(application, new_name()) == AUTHORIZATION_FAILED


@pytest.mark.parametrize("name", ["prefect-x", "Prefect", " ", '"', "a&b", "a>b", "\0", "x" * 501])
def test_a_pool_that_may_not_have_its_name_is_not_made(application: Application, name: str) -> None:
    end = refused_hello(application, name, create_pool_if_not_found=True)
    assert end == AUTHORIZATION_FAILED


@pytest.mark.parametrize(
    "template",
    [
        pytest.param(UNFIT, id="unfit default"),
        pytest.param({"job_configuration": {"x": 1}}, id="no variables"),
        pytest.param({"x": 1}, id="neither"),
        pytest.param({**TEMPLATE, "variables": {"properties": {}}}, id="undeclared variable"),
        pytest.param({**TEMPLATE, "variables": {"properties": 5}}, id="no properties"),
        pytest.param(
            {
                "job_configuration": {"x": 1},
                "variables": {"properties": {"x": {"type": "what", "default": 1}}},
            },
            id="no schema",
        ),
        pytest.param(
            {
                "job_configuration": {"x": 1},
                "variables": {
                    "properties": {"x": {"default": {"$ref": {"block_document_id": str(uuid4())}}}}
                },
            },
            id="no such block",
        ),
    ],
)
def test_a_bad_template_is_refused_and_nothing_is_changed(
    application: Application, pool: Pool, template: Json
) -> None:
    name = new_name()
    given = {"create_pool_if_not_found": True, "default_base_job_template": template}
    assert refused_hello(application, name, **given) == PROTOCOL_ERROR
    assert application.get(f"/work_pools/{name}").status_code == 404

    assert refused_hello(application, pool.name, **given) == PROTOCOL_ERROR
    assert pool.read()["base_job_template"] == {}
    assert pool.workers() == []


def test_a_pool_without_a_template_gets_that_of_the_worker_and_all_are_told(
    application: Application, pool: Pool
) -> None:
    with working(application, pool.name) as other:
        application.clock.advance(1)
        given = {"default_base_job_template": TEMPLATE}
        with working(application, pool.name, worker_name="second", **given) as worker:
            initial = worker.ready["initial_snapshot"]["work_pool"]
            assert initial["base_job_template"] == TEMPLATE
            for each in (other, worker):
                snapshot = each.snapshot()
                assert (snapshot["snapshot_sequence"], snapshot["reason"]) == (
                    2,
                    "work_pool_updated",
                )
                assert snapshot["work_pool"]["base_job_template"] == TEMPLATE
    assert "prefect.work-pool.updated" in told_of(application, pool.id)


def test_a_pool_keeps_its_template_and_the_workers_is_not_looked_at(
    application: Application,
) -> None:
    pool = Pool(application, base_job_template=TEMPLATE)
    with working(application, pool.name, default_base_job_template=UNFIT) as worker:
        shown = worker.ready["initial_snapshot"]["work_pool"]
    assert shown["base_job_template"] == TEMPLATE


def test_nothing_is_made_for_a_worker_that_is_sent_off(application: Application) -> None:
    name = new_name()
    before = len(application.events)
    given = {"create_pool_if_not_found": True, "work_queue_names": ["missing"]}
    assert refused_hello(application, name, **given) == AUTHORIZATION_FAILED
    assert application.get(f"/work_pools/{name}").status_code == 404
    assert application.events[before:] == []


def test_a_pool_that_somebody_else_makes_at_the_same_time_is_served(
    application: Application, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, None])  # to whether it brings a template, and in the transaction

    def not_yet(connection: Connection, name: str) -> PoolRow | None:
        return next(answers, store.read_pool(connection, name))

    monkeypatch.setattr(greeting, "read_pool", not_yet)
    given = {"create_pool_if_not_found": True, "default_base_job_template": TEMPLATE}
    with working(application, pool.name, **given) as worker:
        served = worker.ready["initial_snapshot"]["work_pool"]
    assert (served["id"], served["base_job_template"]) == (pool.id, TEMPLATE)


# Who is sent off


def test_a_queue_that_the_pool_does_not_have_is_refused(
    application: Application, pool: Pool
) -> None:
    end = refused_hello(application, pool.name, work_queue_names=["default", "missing"])
    assert end == AUTHORIZATION_FAILED
    assert pool.workers() == []


def test_a_worker_of_another_version_is_refused(application: Application, pool: Pool) -> None:
    end = refused_hello(application, pool.name, supported_channel_versions=["other.v2"])
    assert end == (1008, "unsupported_version")


@pytest.mark.parametrize(
    "said",
    [
        "garbage",
        "",
        "[" * 100_000,
        b"{}",
        [],
        frame("worker.hello.v1", hello("worker_type")),
        frame("other.v1", {}),
        heartbeat(hello()),
    ],
    ids=range(8),
)
def test_a_frame_that_is_no_hello_is_refused(
    application: Application, pool: Pool, said: Any
) -> None:
    assert refused(application, pool.name, said) == PROTOCOL_ERROR


def test_a_worker_is_asked_to_come_again_if_the_database_cannot_take_it(
    application: Application,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(tx: Transaction, *given: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(admission, "greet", fails)
    assert refused_hello(application, pool.name) == (1011, "transient_server_error")
    [record] = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert pool.name in record.getMessage()


def test_a_pool_that_changes_while_a_worker_is_greeted_is_told_of(
    application: Application, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    admit = admission.admit

    async def admit_slowly(database: Database, vault: Vault, pool_name: str, said: Hello) -> Any:
        admitted = await admit(database, vault, pool_name, said)
        application.clock.advance(1)
        await database.write(store.update_pool, pool_name, {"concurrency_limit": 3})
        return admitted

    monkeypatch.setattr(connection, "admit", admit_slowly)
    with working(application, pool.name) as worker:
        assert worker.ready["initial_snapshot"]["work_pool"]["concurrency_limit"] is None
        assert worker.snapshot()["work_pool"]["concurrency_limit"] == 3
