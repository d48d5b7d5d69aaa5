"""Garbage on a WebSocket: it ends that connection with a reason, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import struct
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server import EphemeralServer, ephemeral
from ephemeral_server.database import sqlite
from ephemeral_server.database.tables import event
from tests import web
from tests.events.support import an_event, opened, rows
from tests.fuzz.frames import (
    BINARY,
    CHANNEL,
    CLOSE,
    CONTINUATION,
    EVENTS,
    GREETING,
    LOGS,
    PING,
    SUBSCRIPTION,
    TEXT,
    Closed,
    RawWebSocket,
    frame,
    upgrade,
)
from tests.fuzz.wire import Wire
from tests.leaks import LeakGuard
from tests.task_workers.talking import ACK, delay, talking
from tests.workers.said import CLEANER, Json, heartbeat, hello, operation
from tests.workers.said import frame as worker_frame

#: What a message may have at most, in bytes.
LARGEST = 16 * 2**20

HELLO = hello(create_pool_if_not_found=True, **CLEANER)
SAY_HELLO = json.dumps(worker_frame("worker.hello.v1", HELLO))

SUBSCRIBE = '{"type":"subscribe","keys":["bake"],"client_id":"worker"}'

#: What uvicorn itself says of its clients.
UVICORNS = ("Invalid UTF-8 sequence received from client.", "Unsupported upgrade request.")

#: A path, and what is sent after the greeting: then events or nothing is expected.
Beginning = tuple[str, bytes]
FILTER = frame(TEXT, '{"type":"filter","filter":{}}')
BEGINNINGS = [
    pytest.param((EVENTS, b""), id="events"),
    pytest.param((LOGS, FILTER), id="logs"),
    pytest.param((SUBSCRIPTION, frame(TEXT, SUBSCRIBE)), id="task workers"),
]
#: Every WebSocket that tells what is wrong with a greeting.
each_frank_path = pytest.mark.parametrize("path", [EVENTS, LOGS, SUBSCRIPTION])
#: Every WebSocket there is.
each_path = pytest.mark.parametrize("path", [EVENTS, LOGS, SUBSCRIPTION, CHANNEL])


@pytest.fixture(scope="module")
def lasting(
    tmp_path_factory: pytest.TempPathFactory, leak_guard: LeakGuard
) -> Iterator[EphemeralServer]:
    """One server for all the garbage of this module."""
    file = tmp_path_factory.mktemp("websockets") / "server.db"
    url = f"sqlite+aiosqlite:///{file}"
    with pytest.MonkeyPatch.context() as patch, ephemeral(database_url=url, activate=False) as it:
        # One reader, opened by now: a second one would seem to be left by a test.
        patch.setattr(sqlite, "READERS", 1)
        with leak_guard.adopt(), RawWebSocket(it) as first, web.client(it.api_url) as api:
            first.greet()
            api.post("/flows/filter", json={})
        yield it


@pytest.fixture
def living(lasting: EphemeralServer, caplog: pytest.LogCaptureFixture) -> Iterator[EphemeralServer]:
    """The server, which serves a client after the test and has nothing to complain about."""
    yield lasting
    with RawWebSocket(lasting) as next_client:
        next_client.greet()
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    complaints = [each.getMessage() for each in records if each.levelno >= logging.WARNING]
    assert [complaint for complaint in complaints if complaint not in UVICORNS] == []


def event_json(**changes: Any) -> str:
    return json.dumps(an_event(**changes))


def end_after(data: bytes, server: EphemeralServer, path: str = EVENTS) -> Closed:
    """How the server ends a greeted connection after `data`."""
    with RawWebSocket(server, path) as client:
        client.greet()
        with contextlib.suppress(ConnectionResetError):  # closed in the midst of it
            client.send(data)
        end = client.receive()
    assert isinstance(end, Closed)
    return end


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(frame(TEXT, "{}", masked=False), 1002, id="not masked"),
        pytest.param(frame(TEXT, "{}", reserved=4), 1002, id="reserved bit"),
        pytest.param(frame(3), 1002, id="unknown opcode"),
        pytest.param(frame(PING, "x" * 126), 1002, id="long ping"),
        pytest.param(frame(PING, last=False), 1002, id="ping in parts"),
        pytest.param(frame(CONTINUATION, "{}"), 1002, id="continuation of nothing"),
        pytest.param(frame(TEXT, "{", last=False) * 2, 1002, id="message within a message"),
        pytest.param(frame(CLOSE, b"\x03"), 1002, id="half a close code"),
        pytest.param(frame(CLOSE, struct.pack("!H", 1005)), 1002, id="forbidden close code"),
        pytest.param(frame(CLOSE, b"\x03\xe8\xff"), 1007, id="close reason that is no text"),
        pytest.param(frame(TEXT, b'{"id":"\xff"}'), 1007, id="text that is no text"),
        pytest.param(frame(TEXT, length=LARGEST + 1), 1009, id="too long"),
        pytest.param(frame(TEXT, length=2**63), 1009, id="endless"),
        pytest.param(
            frame(TEXT, last=False) + frame(CONTINUATION, b"x" * 2**20, last=False) * 17,
            1009,
            id="too long in parts",
        ),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 1002, id="HTTP"),
        pytest.param(bytes(1000), 1002, id="zeros"),
    ],
)
@pytest.mark.parametrize("before", BEGINNINGS)
def test_a_breach_of_the_protocol_closes_the_connection_with_its_code(
    living: EphemeralServer, before: Beginning, data: bytes, code: int
) -> None:
    path, frames = before
    assert end_after(frames + data, living, path).code == code


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Invalid JSON: EOF"),
        ("null", "Input should be an object"),
        (GREETING, "occurred: Field required"),
        (f"[{event_json()}]", "Input should be an object"),
        (event_json() * 2, "Invalid JSON: trailing characters"),
        ("\ufeff" + event_json(), "Invalid JSON: expected value"),
        (event_json()[:-1], "Invalid JSON: EOF"),
        (event_json(event="\ud800"), "Invalid JSON: unexpected end of hex escape"),
        (event_json(payload={"\udfff": 1}), "Invalid JSON: lone leading surrogate"),
        (event_json(payload=[]), "payload: Input should be an object"),
        (event_json(payload={"x": 0}).replace("0}", "1" * 4400 + "}"), "Invalid JSON: number"),
        (event_json(payload={"x": 0}).replace("0}", "[" * 5000), "Invalid JSON: recursion limit"),
        (event_json(event=5), "event: Input should be a valid string"),
        (event_json(event="x" * 2000), "event: String should have at most"),
        (event_json(id="x"), "id: Input should be a valid UUID"),
        (event_json(follows={}), "follows: UUID input should be a string"),
        (event_json(occurred="+99999-01-01T00:00:00Z"), "occurred: Input should be a valid"),
        (event_json(occurred="0001-01-01T00:00:00+14:00"), "occurred: Value error, is outside"),
        (event_json(occurred="2024-02-30T00:00:00Z"), "occurred: Input should be a valid"),
        (event_json(occurred="2024-01-01T00:00:00+25:00"), "occurred: Input should be a valid"),
        (event_json(occurred=math.nan), "occurred: Input should be a valid datetime, NaN"),
        (event_json(occurred=1e300), "occurred: Input should be a valid datetime"),
        (event_json(resource={}), "resource: Value error, must have a non-empty label"),
        (event_json(resource={"prefect.resource.id": "\0"}), "resource: Value error, must have"),
        (event_json(resource={"prefect.resource.id": None}), "resource.prefect.resource.id: "),
        (event_json(related=[{"prefect.resource.id": "x"}]), "related.0: Value error, must have"),
    ],
)
def test_a_frame_that_is_no_event_closes_the_connection_with_the_field_and_the_reason(
    living: EphemeralServer, text: str, reason: str
) -> None:
    code, given = end_after(frame(TEXT, text), living)

    assert code == 1008
    assert given.startswith(f"Invalid event: {reason}")


@pytest.mark.parametrize(
    ("filter", "reason"),
    [
        ("", "Invalid filter: "),
        ("null", "Invalid filter: Input should be an object"),
        ("[]", "Invalid filter: Input should be an object"),
        ('{"x":1}', "Invalid filter: x: Extra inputs are not permitted"),
        ('{"operator":"nor_"}', "Invalid filter: operator: Input should be"),
        ('{"level":{"ge_":1e400}}', "Invalid filter: level.ge_: Input should be"),
        ('{"level":{"ge_":9223372036854775808}}', "Invalid filter: level.ge_: Input should be"),
        ('{"level":{"ge_":NaN}}', "Invalid filter: level.ge_: Input should be"),
        ('{"level":' + "[" * 5000, "Expected 'filter' message"),
        ('{"timestamp":{"after_":"+99999-01-01"}}', "Invalid filter: timestamp.after_: Input"),
        ('{"flow_run_id":{"any_":["x"]}}', "Invalid filter: flow_run_id.any_.0: Input should be"),
        ('{"flow_run_id":{"any_":{}}}', "Invalid filter: flow_run_id.any_: Input should be"),
        ('{"task_run_id":{"is_null_":"x"}}', "Invalid filter: task_run_id.is_null_: Input should"),
        ('{"text":{}}', "Invalid filter: text.query: Field required"),
        ('{"text":{"query":"\\u0000"}}', "Invalid filter: text.query: Value error, must not"),
        ('{"text":{"query":"\\ud800"}}', "Expected 'filter' message"),
    ],
)
def test_a_frame_that_is_no_filter_closes_the_connection_with_the_field_and_the_reason(
    living: EphemeralServer, filter: str, reason: str
) -> None:
    text = f'{{"type":"filter","filter":{filter}}}' if filter else '{"type":"filter"}'
    code, given = end_after(frame(TEXT, text), living, LOGS)

    assert code == 1002
    assert given.startswith(reason)


@pytest.mark.parametrize(
    "filter",
    [
        {"operator": "or_", "level": {"ge_": -(2**63), "le_": None}, "timestamp": {}, "text": None},
        {"timestamp": {"after_": "0001-01-01", "before_": "9999-12-31T23:59:59.999999Z"}},
        {"flow_run_id": {"any_": [str(uuid4()) for _ in range(20_000)]}},
        {"text": {"query": "+a " * 66}},
        {"text": {"query": "'\\\\{v}\\n\" or True)]; import"}},
    ],
)
def test_an_odd_filter_is_taken_and_what_follows_is_ignored(
    living: EphemeralServer, filter: dict[str, Any]
) -> None:
    with RawWebSocket(living, LOGS) as client:
        client.greet()
        client.send(frame(TEXT, json.dumps({"type": "filter", "filter": filter})))
        client.send(frame(TEXT, "garbage") + frame(BINARY, b"\xff") + frame(TEXT, GREETING))
        client.send(frame(PING, "there?"))
        assert client.receive() == b"there?"


def test_odd_events_are_kept(server: EphemeralServer, database_url: str) -> None:
    """NULs and numbers that JSON lacks, the first and the last instant, in pieces or not."""
    deep: Any = 0
    for _ in range(150):
        deep = [deep]
    odd: list[dict[str, Any]] = [
        {"event": "a\0b", "resource": {"prefect.resource.id": "\0c", "\0": "\0"}},
        {"payload": {"\0": "\0", "nan": math.nan, "infinity": -math.inf, "large": 10**400}},
        {"payload": {"deep": deep}, "occurred": "0001-01-01T00:00:00Z"},
        {"payload": {"": {"": []}}, "occurred": "9999-12-31T23:59:59.999999Z"},
        {"event": "", "occurred": 0, "follows": str(uuid4()).upper()},
    ]
    whole = [frame(TEXT, event_json(**each)) for each in odd]
    parts = [frame(CONTINUATION, letter, last=False) for letter in event_json()]

    with RawWebSocket(server) as client:
        client.greet()
        client.send(b"".join(whole))
        client.send(b"".join([frame(TEXT, last=False), *parts, frame(CONTINUATION)]))
        client.send(frame(CLOSE, struct.pack("!H", 1000)))
        assert client.receive() == Closed(1000, "")
    server.shutdown()

    async def read() -> list[dict[str, Any]]:
        async with opened(database_url) as database:
            return await rows(database, event)

    found = asyncio.run(read())
    assert len(found) == len(odd) + 1
    [numbers] = [json.loads(row["payload"]) for row in found if "nan" in row["payload"]]
    assert numbers == {"\0": "\0", "nan": None, "infinity": None, "large": 10**400}


@each_frank_path
@pytest.mark.parametrize(
    ("data", "end"),
    [
        ("garbage", Closed(1002, "Expected a JSON object as the first message")),
        (event_json(), Closed(1008, "Expected 'auth' message")),
        ('{"type":"auth","token":' + "1" * 5000 + "}", Closed(1002, "Expected a JSON object")),
    ],
)
def test_a_wrong_greeting_closes_the_connection_with_a_reason(
    living: EphemeralServer, data: str, end: Closed, path: str
) -> None:
    with RawWebSocket(living, path) as client:
        client.send(frame(TEXT, data))
        code, reason = client.receive()

    assert code == end.code
    assert str(reason).startswith(end.reason)


@each_path
@pytest.mark.parametrize(
    "behind", [frame(TEXT, GREETING), frame(TEXT, "garbage"), frame(BINARY, b"{}")]
)
def test_a_breach_right_behind_a_frame_that_is_answered_ends_quietly(
    living: EphemeralServer, behind: bytes, path: str
) -> None:
    """Both come in at once, so the connection is closed before the answer to the first."""
    with RawWebSocket(living, path) as client:
        client.send(behind + frame(TEXT, b"\xff"))
        assert client.receive() == Closed(1007, "")


@each_path
def test_a_breach_right_behind_a_frame_that_is_refused_ends_quietly(
    living: EphemeralServer, path: str
) -> None:
    data = frame(TEXT, "garbage") + frame(TEXT, b"\xff")
    assert end_after(data, living, path) == Closed(1007, "")


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        (EVENTS, frame(TEXT, event_json())),
        (LOGS, FILTER),
        (SUBSCRIPTION, frame(TEXT, SUBSCRIBE) + frame(TEXT, ACK) * 2),
        (CHANNEL, frame(TEXT, SAY_HELLO) + frame(TEXT, json.dumps(heartbeat(HELLO)))),
    ],
)
def test_a_client_may_break_off_anywhere(
    living: EphemeralServer, path: str, said: bytes, reset: bool
) -> None:
    conversation = frame(TEXT, GREETING) + said
    for place in range(0, len(upgrade(path)), 7):
        with Wire(living.port) as client:
            client.send(upgrade(path)[:place])
            if reset:
                client.reset()
    for place in range(0, len(conversation) + 1, 7):
        with RawWebSocket(living, path) as socket:
            socket.send(conversation[:place])
            if reset:
                socket.reset()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(frame(TEXT, "{}", masked=False), id="not masked"),
        pytest.param(frame(TEXT, b"\xff"), id="text that is no text"),
        pytest.param(frame(TEXT, length=LARGEST + 1), id="too long"),
        pytest.param(frame(TEXT, "[" * 2**20), id="too deep"),
        pytest.param(frame(TEXT, "1" * 5000), id="too large a number"),
        pytest.param(frame(TEXT, ""), id="nothing"),
        pytest.param(frame(TEXT, ACK) * 3, id="too many answers"),
        pytest.param(frame(TEXT, ACK) + frame(TEXT, b"\xff"), id="answer and breach"),
        pytest.param(frame(CLOSE, b"\x03"), id="half a close code"),
        pytest.param(frame(CLOSE), id="close"),
        pytest.param(bytes(1000), id="zeros"),
    ],
)
def test_a_task_run_that_is_answered_with_garbage_is_not_lost(
    living: EphemeralServer, reply: bytes
) -> None:
    with web.client(living.api_url) as api:
        ids = [delay(api), delay(api)]
    with RawWebSocket(living, SUBSCRIPTION) as client:
        client.greet()
        client.send(frame(TEXT, SUBSCRIBE))
        assert json.loads(_received(client))["id"] == ids[0]
        with contextlib.suppress(ConnectionResetError):
            client.send(reply)
        while not isinstance(client.receive(), Closed):
            pass
    # Those that were acknowledged are gone.
    ids = ids[reply.count(frame(TEXT, ACK)) :]
    with web.client(living.api_url) as api:
        ids.append(delay(api))
    with talking(living, "bake") as worker:
        assert [worker.take() for _ in ids] == ids


def changed_hello(**changes: Any) -> str:
    """A hello with other members, as JSON text."""
    return json.dumps(worker_frame("worker.hello.v1", {**HELLO, **changes}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        GREETING,
        f"[{SAY_HELLO}]",
        SAY_HELLO * 2,
        SAY_HELLO[:-1],
        SAY_HELLO.replace("30", "3" * 4400),
        SAY_HELLO.replace("30", "NaN"),
        SAY_HELLO.replace("30", "1e400"),
        SAY_HELLO.replace('"worker"', "[" * 5000),
        SAY_HELLO.replace('"worker"', '"\\ud800"'),
        SAY_HELLO.replace('"worker"', '"\\u0000"'),
        changed_hello(work_queue_names=["x"] * 100_000),
        changed_hello(max_cleanup_concurrency=-1),
        changed_hello(default_base_job_template={"x": math.inf}),
    ],
    ids=range(15),
)
def test_a_frame_that_is_no_hello_ends_the_channel(living: EphemeralServer, text: str) -> None:
    assert end_after(frame(TEXT, text), living, CHANNEL) == Closed(1002, "protocol_error")


@pytest.mark.parametrize(
    "changes",
    [
        {"worker_name": "' OR 1=1; --"},
        {"worker_name": "\u202e\n\t\x7f"},
        {"max_cleanup_concurrency": 10**30},
        {"requested_capabilities": HELLO["requested_capabilities"] + ["x"] * 900},
        {"worker_metadata": {"x": [[[]]] * 10_000, "": math.nan}},
    ],
)
def test_an_odd_hello_is_answered(living: EphemeralServer, changes: Json) -> None:
    with RawWebSocket(living, CHANNEL) as client:
        client.greet()
        client.send(frame(TEXT, changed_hello(**changes)))
        assert json.loads(_received(client))["type"] == "worker.ready.v1"
        said = operation("ack", str(uuid4()), "\0' OR 1=1; --")
        client.send(frame(TEXT, json.dumps(said)))
        assert json.loads(_received(client))["payload"]["status"] == "not_found"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(frame(TEXT, "{}", masked=False), 1002, id="not masked"),
        pytest.param(frame(TEXT, b"\xff"), 1007, id="text that is no text"),
        pytest.param(frame(TEXT, length=LARGEST + 1), 1009, id="too long"),
        pytest.param(frame(TEXT, "[" * 2**20), 1002, id="too deep"),
        pytest.param(frame(TEXT, ""), 1002, id="nothing"),
        pytest.param(frame(BINARY, b"{}"), 1002, id="bytes"),
        pytest.param(frame(TEXT, SAY_HELLO), 1002, id="hello again"),
        pytest.param(frame(CLOSE, b"\x03"), 1002, id="half a close code"),
        pytest.param(bytes(1000), 1002, id="zeros"),
    ],
)
def test_garbage_ends_a_channel_with_its_code(
    living: EphemeralServer, data: bytes, code: int
) -> None:
    with RawWebSocket(living, CHANNEL) as client:
        client.greet()
        client.send(frame(TEXT, SAY_HELLO))
        assert json.loads(_received(client))["type"] == "worker.ready.v1"
        with contextlib.suppress(ConnectionResetError):
            client.send(data)
        end = client.receive()
    assert isinstance(end, Closed)
    assert end.code == code


def _received(client: RawWebSocket) -> bytes:
    message = client.receive()
    assert isinstance(message, bytes)
    return message


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (upgrade("/api/nothing"), 403),
        (upgrade("/api/flows/"), 403),
        (upgrade("/api/events/in/"), 403),
        (upgrade("/api/task_runs/subscriptions/"), 403),
        (upgrade("/api/task_workers/filter"), 403),
        (upgrade("/api/work_pools/pool/workers/connect/"), 403),
        (upgrade("/api/work_pools//workers/connect"), 403),
        (upgrade("/api/work_pools/a/b/workers/connect"), 403),
        (upgrade(CHANNEL, sec_websocket_protocol=None), 403),
        (upgrade(CHANNEL, sec_websocket_protocol="prefect2, 'prefect'"), 403),
        (upgrade("/nothing"), 403),
        (upgrade(origin="https://example.com"), 403),
        (upgrade(host="example.com"), 403),
        (upgrade(sec_websocket_version="12"), 400),
        (upgrade(sec_websocket_key="x"), 400),
        (upgrade(sec_websocket_key=None), 400),
        (upgrade(upgrade=None), 404),
    ],
)
def test_a_wrong_upgrade_is_refused(living: EphemeralServer, request_: bytes, status: int) -> None:
    with Wire(living.port) as client:
        client.send(request_)
        [answer] = client.answers(1)

    assert answer.status == status
