"""Events over a WebSocket: whatever was read is kept, however the connection ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from ephemeral_server import EphemeralServer, ephemeral
from ephemeral_server.application import build_app
from ephemeral_server.database.tables import event, task_run
from ephemeral_server.runtime import Runtime
from ephemeral_server.settings import Settings
from tests.events.support import ClientTaskRun, add_flow_run, an_event, opened, rows
from tests.http.driving import Conversation

Script = Callable[[ClientConnection], Awaitable[None]]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'server.db'}"


async def authenticate(connection: ClientConnection, token: str | None = None) -> None:
    """As a client does: a ping first, then the token."""
    await (await connection.ping())
    await connection.send(json.dumps({"type": "auth", "token": token}))
    assert await connection.recv() == '{"type":"auth_success"}'


def talk(server: EphemeralServer, script: Script, *, greet: bool = True) -> None:
    """Run `script` on a connection to ``/events/in``."""

    async def run() -> None:
        address = server.api_url.replace("http", "ws", 1) + "/events/in"
        offered = [Subprotocol("prefect")] if greet else None
        async with connect(address, proxy=None, subprotocols=offered) as connection:
            if greet:
                await authenticate(connection)
            await script(connection)

    asyncio.run(run())


def stored(server: EphemeralServer, url: str) -> list[str]:
    """Ids of the events in the database of a server, which ends."""
    server.shutdown()

    async def read() -> list[str]:
        async with opened(url) as database:
            return [row["id"] for row in await rows(database, event)]

    return asyncio.run(read())


def told(events: list[dict[str, Any]]) -> list[str]:
    """Their ids in the order of the database."""
    return sorted(one["id"] for one in events)


def ended_by(frame: str | bytes, server: EphemeralServer) -> tuple[int, str]:
    """Close code and reason after `frame`."""
    ends: list[tuple[int, str]] = []

    async def script(connection: ClientConnection) -> None:
        await connection.send(frame)
        with pytest.raises(ConnectionClosed) as raised:
            await connection.recv()
        assert raised.value.rcvd is not None
        ends.append((raised.value.rcvd.code, raised.value.rcvd.reason))

    talk(server, script)
    [end] = ends
    return end


def test_each_text_frame_is_an_event(server: EphemeralServer, database_url: str) -> None:
    sent = [an_event() for _ in range(20)]

    async def script(connection: ClientConnection) -> None:
        for one in sent:
            await connection.send(json.dumps(one))

    talk(server, script)
    assert stored(server, database_url) == told(sent)


def test_events_of_a_task_run_become_a_task_run(database_url: str) -> None:
    async def make_flow_run() -> str:
        async with opened(database_url) as database:
            return await add_flow_run(database)

    async def read() -> list[dict[str, Any]]:
        async with opened(database_url) as database:
            return await rows(database, task_run)

    run = ClientTaskRun(asyncio.run(make_flow_run()))

    async def script(connection: ClientConnection) -> None:
        for at, kind in enumerate(("PENDING", "RUNNING", "COMPLETED")):
            await connection.send(json.dumps(run.entered(kind, at=at)))

    with ephemeral(database_url=database_url, activate=False) as server:
        talk(server, script)
    [row] = asyncio.run(read())
    assert (row["id"], row["state_type"]) == (run.id, "COMPLETED")


def test_a_frame_that_a_close_follows_at_once_is_kept(sqlite_url: str) -> None:
    sent = [an_event() for _ in range(50)]

    async def script(connection: ClientConnection) -> None:
        for one in sent:
            await connection.send(json.dumps(one))
        await connection.close()

    with ephemeral(database_url=sqlite_url, activate=False) as server:
        talk(server, script)
        assert stored(server, sqlite_url) == told(sent)


def test_events_before_a_pong_are_kept_when_the_connection_breaks(sqlite_url: str) -> None:
    sent = [an_event() for _ in range(700)]

    async def script(connection: ClientConnection) -> None:
        for one in sent:
            await connection.send(json.dumps(one))
        await (await connection.ping())
        connection.transport.abort()

    with ephemeral(database_url=sqlite_url, activate=False) as server:
        talk(server, script)
        assert stored(server, sqlite_url) == told(sent)


def test_events_before_a_pong_are_kept_when_the_server_ends(sqlite_url: str) -> None:
    sent = [an_event() for _ in range(700)]
    ends: list[int | None] = []

    async def script(connection: ClientConnection) -> None:
        for one in sent:
            await connection.send(json.dumps(one))
        await (await connection.ping())
        await server.ashutdown()
        await connection.wait_closed()
        ends.append(connection.close_code)

    with ephemeral(database_url=sqlite_url, activate=False) as server:
        talk(server, script)
        assert stored(server, sqlite_url) == told(sent)
    assert ends == [1012]


def test_events_sent_again_are_stored_once(sqlite_url: str) -> None:
    sent = [an_event() for _ in range(5)]

    async def script(connection: ClientConnection) -> None:
        for one in sent + sent:
            await connection.send(json.dumps(one))

    with ephemeral(database_url=sqlite_url, activate=False) as server:
        talk(server, script)
        talk(server, script)
        assert stored(server, sqlite_url) == told(sent)


def test_an_old_client_sends_events_without_a_greeting(sqlite_url: str) -> None:
    sent = an_event()

    async def script(connection: ClientConnection) -> None:
        await connection.send(json.dumps(sent))

    with ephemeral(database_url=sqlite_url, activate=False) as server:
        talk(server, script, greet=False)
        assert stored(server, sqlite_url) == [sent["id"]]


def test_a_wrong_token_is_refused(sqlite_url: str) -> None:
    async def script(connection: ClientConnection) -> None:
        pytest.fail("the token was accepted")

    settings: dict[str, Any] = {"database_url": sqlite_url, "auth_string": "a:b"}
    with (
        ephemeral(activate=False, **settings) as server,
        pytest.raises(ConnectionClosed, match="Auth required but no token provided"),
    ):
        talk(server, script)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("[", "Invalid event: Invalid JSON"),
        ("[]", "Invalid event: Input should be an object"),
        (json.dumps({**an_event(), "id": 5}), "Invalid event: id: "),
        ("[" * 100_000, "Invalid event: Invalid JSON"),
        (json.dumps({**an_event(), "resource": {"ü" * 900: 1}}), "Invalid event: resource."),
    ],
)
def test_a_frame_that_is_no_event_ends_the_connection_with_a_reason(
    sqlite_url: str, frame: str, reason: str
) -> None:
    with ephemeral(database_url=sqlite_url, activate=False) as server:
        code, given = ended_by(frame, server)
    assert code == 1008
    assert given.startswith(reason)


def test_a_binary_frame_ends_the_connection_with_a_reason(sqlite_url: str) -> None:
    with ephemeral(database_url=sqlite_url, activate=False) as server:
        end = ended_by(json.dumps(an_event()).encode(), server)
    assert end == (1003, "Events are sent as text frames")


def test_an_event_that_is_too_large_leaves_the_connection_open(sqlite_url: str) -> None:
    small = an_event()

    async def script(connection: ClientConnection) -> None:
        await connection.send(json.dumps(an_event(payload={"x": "y" * 1000})))
        await connection.send(json.dumps(small))

    settings: dict[str, Any] = {"database_url": sqlite_url, "maximum_event_bytes": 1000}
    with ephemeral(activate=False, **settings) as server:
        talk(server, script)
        assert stored(server, sqlite_url) == [small["id"]]


def test_many_connections_do_not_hold_up_requests(sqlite_url: str) -> None:
    async def crowd(server: EphemeralServer) -> int:
        address = server.api_url.replace("http", "ws", 1) + "/events/in"
        sockets = [await connect(address, proxy=None) for _ in range(110)]
        try:
            async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                answer = await client.post(f"{server.api_url}/events", json=[])
            return answer.status_code
        finally:
            await asyncio.gather(*(socket.close() for socket in sockets))

    with ephemeral(database_url=sqlite_url, activate=False) as server:
        assert asyncio.run(crowd(server)) == 204


def read_frames(url: str, frames: list[dict[str, Any]]) -> tuple[list[str], int | None]:
    """The events stored and the close code after a client sent `frames` in one go."""

    async def run() -> tuple[list[str], int | None]:
        app: FastAPI = build_app(Settings(database_url=url, ephemeral=True))
        async with app.router.lifespan_context(app):
            runtime: Runtime = app.state.runtime
            conversation = Conversation(
                app, "websocket", "/api/events/in", ((b"host", b"localhost"),), scheme="ws"
            )
            conversation.deliver({"type": "websocket.connect"})
            for frame in frames:
                conversation.deliver({"type": "websocket.receive", **frame})
            conversation.deliver({"type": "websocket.disconnect", "code": 1006})
            await conversation.run()
            await runtime.drain()
            found = [row["id"] for row in await rows(runtime.database, event)]
            closes = [m["code"] for m in conversation.sent if m["type"] == "websocket.close"]
            return found, closes[0] if closes else None

    return asyncio.run(run())


@pytest.mark.parametrize(("bad", "code"), [({"text": "{}"}, 1008), ({"bytes": b"{}"}, 1003)])
def test_all_events_read_beside_a_bad_frame_are_kept(
    sqlite_url: str, bad: dict[str, Any], code: int
) -> None:
    before, after = an_event(), an_event()
    frames = [{"text": json.dumps(before)}, bad, bad, {"text": json.dumps(after)}]
    assert read_frames(sqlite_url, frames) == (told([before, after]), code)
