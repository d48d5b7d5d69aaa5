"""Logs over the WebSocket ``/logs/out``, as they are committed."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from ephemeral_server import ephemeral
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.live import Feed
from ephemeral_server.logs.schemas import Log
from ephemeral_server.logs.store import create_logs
from ephemeral_server.logs.wire import live_message
from tests.api.logs.watching import (
    Watched,
    connect_to,
    end_of,
    messages,
    new_log,
    next_log,
    rest_of,
    run,
)
from tests.api.shapes import assert_shape
from tests.events.test_stream_in import authenticate

FLOW_RUN = "0190a000-0000-7000-8000-00000000000a"
OTHER_FLOW_RUN = "0190a000-0000-7000-8000-00000000000b"

JSON = {"content-type": "application/json"}
ROW = ("l", 20, "row", 0, None, None)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'server.db'}"


def test_a_log_is_received_as_it_is_stored_but_for_the_instants_of_storing(
    database_url: str,
) -> None:
    async def script(server: Watched) -> None:
        async with server.watching() as connection:
            await server.keep(new_log("Grüße\n☃", flow_run_id=FLOW_RUN, task_run_id=None))
            log = await next_log(connection)
        assert_shape(Log, log)
        [stored] = await server.stored()
        assert log == {**stored, "created": None, "updated": None}

    run(database_url, script)


def test_logs_are_received_in_the_order_in_which_they_came(database_url: str) -> None:
    async def script(server: Watched) -> None:
        async with server.watching() as connection:
            await server.keep(*[new_log(letter) for letter in "edc"])
            await server.keep(new_log("b"))
            await server.keep(new_log("a"))
            assert await messages(connection, 5) == list("edcba")

    run(database_url, script)


def test_logs_from_before_are_not_received(database_url: str) -> None:
    async def script(server: Watched) -> None:
        await server.keep(new_log("before"))
        async with server.watching() as connection:
            await server.keep(new_log("after"))
            assert await messages(connection, 1) == ["after"]

    run(database_url, script)


def test_logs_that_are_rolled_back_are_not_received(database_url: str) -> None:
    def failing(tx: Transaction, publish: Any) -> None:
        create_logs(tx, [ROW], publish)
        raise LookupError

    async def script(server: Watched) -> None:
        database, publish = server.runtime.database, server.runtime.live_logs.publish
        async with server.watching() as connection:
            outcomes = await asyncio.gather(
                database.write(failing, publish),
                database.write(create_logs, [("l", 20, "kept", 0, None, None)], publish),
                database.write(failing, publish),
                return_exceptions=True,
            )
            assert [type(outcome) for outcome in outcomes] == [LookupError, type(None), LookupError]
            await server.keep(new_log("last"))
            assert await messages(connection, 2) == ["kept", "last"]

    run(database_url, script)


def test_only_logs_that_fit_the_filter_are_received(sqlite_url: str) -> None:
    wanted = {"flow_run_id": {"any_": [FLOW_RUN]}, "text": {"query": "-DEBUG"}}

    async def script(server: Watched) -> None:
        async with server.watching(wanted) as connection:
            await server.keep(
                new_log("of another", flow_run_id=OTHER_FLOW_RUN),
                new_log("of none"),
                new_log("debug", flow_run_id=FLOW_RUN),
                new_log("fits", flow_run_id=FLOW_RUN),
            )
            assert await messages(connection, 1) == ["fits"]

    run(sqlite_url, script)


def test_a_hundred_subscribers_each_receive_all_that_fits(sqlite_url: str) -> None:
    flow_runs = [FLOW_RUN, OTHER_FLOW_RUN]

    async def script(server: Watched) -> None:
        async with AsyncExitStack() as stack:
            connections = [
                await stack.enter_async_context(
                    server.watching({"flow_run_id": {"any_": [flow_runs[number % 2]]}})
                )
                for number in range(100)
            ]
            await server.keep(*[new_log(str(n), flow_run_id=flow_runs[n % 2]) for n in range(20)])
            received = await asyncio.gather(*[messages(each, 10) for each in connections])
        for number, texts in enumerate(received):
            assert texts == [str(n) for n in range(20) if n % 2 == number % 2]

    run(sqlite_url, script)


def test_a_client_without_the_subprotocol_sends_its_filter_first(sqlite_url: str) -> None:
    async def script(server: Watched) -> None:
        async with server.connect(greet=False) as connection:
            await server.subscribe(connection)
            await server.keep(new_log("hello"))
            assert await messages(connection, 1) == ["hello"]

    run(sqlite_url, script)


@pytest.mark.parametrize(
    ("token", "end"),
    [
        (None, (1008, "Auth required but no token provided")),
        ("a:c", (1008, "Invalid token")),
    ],
)
def test_a_wrong_token_is_refused(sqlite_url: str, token: str | None, end: Any) -> None:
    async def script(server: Watched) -> None:
        async with server.connect() as connection:
            await connection.send(json.dumps({"type": "auth", "token": token}))
            assert await end_of(connection) == end
        with pytest.raises(InvalidStatus, match="403"):
            await server.connect(greet=False)
        async with server.watching(token="a:b") as connection:
            assert server.runtime.live_logs.subscriptions == 1

    run(sqlite_url, script, auth_string="a:b")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("", "Expected 'filter' message"),
        ("[]", "Expected 'filter' message"),
        ("{}", "Expected 'filter' message"),
        ('{"type":"auth","token":null}', "Expected 'filter' message"),
        (b"\xff", "Expected 'filter' message"),
        ('{"type":"filter"}', "Invalid filter: Field required"),
        ('{"type":"filter","filter":null}', "Invalid filter: Input should be an object"),
        (
            '{"type":"filter","filter":{"level":{"ge_":"x"}}}',
            "Invalid filter: level.ge_: Input should be a valid integer",
        ),
        (
            '{"type":"filter","filter":{"text":{"query":"' + "x" * 201 + '"}}}',
            "Invalid filter: text.query: ",
        ),
        (
            '{"type":"filter","filter":{"' + "ü" * 100 + '":1}}',
            f"Invalid filter: {'ü' * 52}…",
        ),
    ],
)
def test_what_is_no_filter_ends_the_connection_with_a_reason(
    sqlite_url: str, frame: str | bytes, reason: str
) -> None:
    async def script(server: Watched) -> None:
        async with server.greeted() as connection:
            await connection.send(frame)
            code, given = await end_of(connection)
        assert code == 1002
        assert str(given).startswith(reason)

    run(sqlite_url, script)


def test_what_a_client_says_further_is_ignored_and_its_pings_are_answered(
    sqlite_url: str,
) -> None:
    async def script(server: Watched) -> None:
        async with server.watching() as connection:
            for frame in ("garbage", b"\xff", '{"type":"filter","filter":{"level":{"ge_":50}}}'):
                await connection.send(frame)
                await (await connection.ping())
            await server.keep(new_log("hello"))
            assert await messages(connection, 1) == ["hello"]

    run(sqlite_url, script)


def test_who_reads_too_slowly_is_told_and_nobody_else_notices(sqlite_url: str) -> None:
    async def script(server: Watched) -> None:
        server.runtime.live_logs = feed = Feed(live_message, backlog=1000)
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.connect(server.place)
        async with (
            server.watching() as quick,
            server.watching(sock=narrow, max_queue=1) as slow,
        ):
            sent = 0
            while feed.subscriptions == 2:
                await server.keep(new_log("x" * 2**18, level=sent))
                assert (await next_log(quick))["level"] == sent
                sent += 1
                assert sent < 200
            await server.keep(new_log("after"))
            assert await messages(quick, 1) == ["after"]
            received = [log["level"] for log in await rest_of(slow)]
            assert received == list(range(len(received)))  # nothing is missing before the end
            assert await end_of(slow) == (1013, "Fell behind: more came than was read")

    run(sqlite_url, script)


@pytest.mark.parametrize("aborts", [True, False])
def test_who_goes_away_is_forgotten(sqlite_url: str, aborts: bool) -> None:
    async def script(server: Watched) -> None:
        async with server.watching() as staying:
            before = asyncio.all_tasks()
            async with server.watching() as going:
                if aborts:
                    going.transport.abort()
            await server.until(lambda: server.runtime.live_logs.subscriptions == 1)
            await server.until(lambda: asyncio.all_tasks() - before == {asyncio.current_task()})
            await server.keep(new_log("hello"))
            assert await messages(staying, 1) == ["hello"]

    run(sqlite_url, script)


@pytest.mark.parametrize("frames", [[], ['{"type":"filter","filter":{}}']])
def test_the_end_of_the_server_is_told(sqlite_url: str, frames: list[str]) -> None:
    async def script() -> None:
        async with connect_to(server.api_url) as connection:
            await authenticate(connection)
            for frame in frames:
                await connection.send(frame)
            await (await connection.ping())
            await server.ashutdown()
            assert await end_of(connection) == (1012, "Server is shutting down")

    with ephemeral(database_url=sqlite_url, activate=False) as server:
        asyncio.run(script())


def test_who_does_not_read_does_not_hold_up_the_end_of_the_server(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    big = json.dumps([new_log("x" * 2**20)])

    async def script() -> None:
        async with (
            connect_to(server.api_url, max_queue=1, close_timeout=0) as connection,
            httpx.AsyncClient(trust_env=False) as client,
        ):
            await authenticate(connection)
            await connection.send('{"type":"filter","filter":{}}')
            await (await connection.ping())
            for _ in range(12):
                answer = await client.post(f"{server.api_url}/logs/", content=big, headers=JSON)
                assert answer.status_code == 201
            await server.ashutdown()

    with ephemeral(database_url=sqlite_url, activate=False, shutdown_timeout=1.0) as server:
        asyncio.run(script())
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
