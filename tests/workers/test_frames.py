"""What is a frame of a worker, and what is none."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from ephemeral_server.workers.channel.frames import Hello, hello_frame
from ephemeral_server.workers.channel.frames import frame as later_frame
from tests.workers.said import (
    CLAIM,
    CLEANER,
    CLEANUP,
    HEARTBEATS,
    SNAPSHOTS,
    TIMEOUT,
    VERSION,
    Json,
    frame,
    heartbeat,
    hello,
    operation,
)

ID = str(uuid4())


def parsed(payload: Json, /, **changes: Any) -> Hello:
    text = json.dumps(frame("worker.hello.v1", payload) | changes)
    return hello_frame.validate_json(text).payload


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"worker_name": "a/b & c"},
        {"worker_name": "x" * 500},
        {"worker_type": "kubernetes"},
        {"heartbeat_interval_seconds": 1},
        {"heartbeat_interval_seconds": 30.0},
        {"heartbeat_interval_seconds": 2**31 - 1},
        {"supported_channel_versions": ["other.v2", VERSION]},
        {"supported_channel_versions": ["other.v2"]},
        {"requested_capabilities": [SNAPSHOTS, HEARTBEATS, "other.v1"]},
        {"work_queue_names": ["a", "a", "b"]},
        {"worker_metadata": {"integrations": [{"name": "x", "version": "1"}]}},
        {"worker_metadata": None},
        {"create_pool_if_not_found": True},
        {"default_base_job_template": {"job_configuration": {}, "variables": {}}},
        {"max_cleanup_concurrency": 0},
    ],
)
def test_a_hello(changes: Json) -> None:
    for name, value in changes.items():
        assert getattr(parsed(hello(**changes)), name) == value


@pytest.mark.parametrize(
    "payload",
    [
        *[hello(name) for name in hello()],
        hello(other=1),
        hello(consumer_id="x"),
        hello(worker_name=""),
        hello(worker_name=5),
        hello(worker_name="\0"),
        hello(worker_name="x" * 501),
        hello(worker_type=""),
        hello(heartbeat_interval_seconds=0),
        hello(heartbeat_interval_seconds=-1),
        hello(heartbeat_interval_seconds=2.5),
        hello(heartbeat_interval_seconds=2**31),
        hello(supported_channel_versions=[]),
        hello(supported_channel_versions=[""]),
        hello(requested_capabilities=[]),
        hello(requested_capabilities=[HEARTBEATS]),
        hello(requested_capabilities=[SNAPSHOTS]),
        hello(requested_capabilities=[HEARTBEATS, SNAPSHOTS, ""]),
        hello(requested_capabilities=[HEARTBEATS, SNAPSHOTS, *["x"] * 1000]),
        hello(work_queue_names=None),
        hello(work_queue_names=[""]),
        hello(handled_cleanup_kinds=[TIMEOUT]),
        hello(max_cleanup_concurrency=1),
        hello(**{**CLEANER, "handled_cleanup_kinds": ["other.v1"]}),
        hello(**CLEANER, max_cleanup_concurrency=-1),
        hello(**CLEANER, max_cleanup_concurrency=None),
        hello(create_pool_if_not_found=None),
        hello(default_base_job_template=None),
        hello(default_base_job_template={"x": float("nan")}),
        hello(worker_metadata=[]),
    ],
)
def test_no_hello(payload: Json) -> None:
    with pytest.raises(ValidationError):
        parsed(payload)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "x"},
        {"sent_at": None},
        {"sent_at": "yesterday"},
        {"payload": None},
        {"payload": []},
        {"type": None},
        {"type": "worker.hello.v2"},
        {"other": 1},
    ],
)
def test_no_frame(changes: Json) -> None:
    with pytest.raises(ValidationError):
        parsed(hello(), **changes)


@pytest.mark.parametrize(
    ("wanted", "accepted", "rejected", "concurrency"),
    [
        ({}, [HEARTBEATS, SNAPSHOTS], [], 0),
        (
            {"requested_capabilities": ["x.v1", SNAPSHOTS, HEARTBEATS, SNAPSHOTS, "x.v1"]},
            [SNAPSHOTS, HEARTBEATS],
            ["x.v1"],
            0,
        ),
        (CLEANER, [HEARTBEATS, SNAPSHOTS, CLEANUP], [], 1),
        (
            {**CLEANER, "handled_cleanup_kinds": [TIMEOUT, CLAIM], "max_cleanup_concurrency": 7},
            [HEARTBEATS, SNAPSHOTS, CLEANUP],
            [],
            7,
        ),
        (
            {**CLEANER, "max_cleanup_concurrency": 0},
            [HEARTBEATS, SNAPSHOTS],
            [CLEANUP],
            0,
        ),
        (
            {**CLEANER, "handled_cleanup_kinds": [], "max_cleanup_concurrency": 7},
            [HEARTBEATS, SNAPSHOTS],
            [CLEANUP],
            0,
        ),
    ],
)
def test_what_a_worker_wants_and_gets(
    wanted: Json, accepted: list[str], rejected: list[str], concurrency: int
) -> None:
    said = parsed(hello(**wanted))
    assert said.accepted_capabilities == accepted
    assert said.rejected_capabilities == rejected
    assert said.cleanup_concurrency == concurrency


@pytest.mark.parametrize(
    "said",
    [
        heartbeat(hello()),
        operation("ack", ID, "token"),
        operation("renew", ID.upper(), "token"),
        operation("release", ID, "token", reason="stuck"),
    ],
    ids=lambda said: str(said["type"]),
)
def test_a_later_frame(said: Json) -> None:
    assert later_frame.validate_json(json.dumps(said)).type == said["type"]


@pytest.mark.parametrize(
    "said",
    [
        frame("worker.hello.v1", hello()),
        frame("other.v1", {}),
        frame("cleanup.message.v1", {}),
        heartbeat(hello(), other=1),
        heartbeat(hello(), heartbeat_interval_seconds=0),
        heartbeat(hello(), heartbeat_interval_seconds=None),
        operation("ack", "x", "token"),
        operation("ack", ID, ""),
        operation("ack", ID, "token", reason="done"),
        operation("release", ID, "token", reason=""),
        operation("release", ID, "token", reason=None),
        [],
        None,
    ],
)
def test_no_later_frame(said: Any) -> None:
    with pytest.raises(ValidationError):
        later_frame.validate_json(json.dumps(said))
