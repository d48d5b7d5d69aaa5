"""How Prefect's WebSockets begin and end, over a real connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Subprotocol

from ephemeral_server.http.websockets import close, close_reason, handshake
from tests.http.driving import Conversation, serving, settle

Result = TypeVar("Result")
PREFECT = Subprotocol("prefect")


def app_with(secret: str | None = None, **options: Any) -> Starlette:
    """Greets a client and then echoes its first message."""

    async def socket(websocket: WebSocket) -> None:
        if await handshake(websocket, secret, **options):
            await websocket.send_text(await websocket.receive_text())
            await close(websocket)

    return Starlette(routes=[WebSocketRoute("/in", socket)])


def talk(
    app: Starlette, script: Callable[[ClientConnection], Awaitable[Result]], **options: Any
) -> Result:
    async def run() -> Result:
        async with (
            serving(app) as address,
            connect(f"ws://{address}/in", proxy=None, **options) as connection,
        ):
            return await script(connection)

    return asyncio.run(run())


def authenticate(token: str | None, app: Starlette) -> str:
    """What the server sends to the auth message, and then to 'hello'."""

    async def script(connection: ClientConnection) -> str:
        await (await connection.ping())  # the client does so before anything else
        await connection.send(json.dumps({"type": "auth", "token": token}))
        answer = await connection.recv()
        await connection.send("hello")
        return f"{answer!s} {await connection.recv()!s}"

    return talk(app, script, subprotocols=[PREFECT])


def refusal(app: Starlette, first: str | bytes) -> tuple[int, str]:
    """The close code and reason that a first message brings."""

    async def script(connection: ClientConnection) -> tuple[int, str]:
        await connection.send(first)
        with pytest.raises(ConnectionClosedError) as raised:
            await connection.recv()
        assert raised.value.rcvd is not None
        return raised.value.rcvd.code, raised.value.rcvd.reason

    return talk(app, script, subprotocols=[PREFECT])


def refused_upgrade(app: Starlette, **options: Any) -> tuple[int, bytes]:
    async def script(connection: ClientConnection) -> None: ...

    with pytest.raises(InvalidStatus) as raised:
        talk(app, script, **options)
    return raised.value.response.status_code, bytes(raised.value.response.body or b"")


@pytest.mark.parametrize("token", [None, "", "anything"])
def test_without_a_secret_any_token_is_welcome(token: str | None) -> None:
    assert authenticate(token, app_with()) == '{"type":"auth_success"} hello'


def test_the_secret_is_welcome() -> None:
    assert authenticate("user:päss", app_with("user:päss")) == '{"type":"auth_success"} hello'


def test_the_subprotocol_is_selected() -> None:
    async def script(connection: ClientConnection) -> str | None:
        await connection.send('{"type": "auth"}')
        await connection.recv()
        return connection.subprotocol

    assert talk(app_with(), script, subprotocols=[Subprotocol("other"), PREFECT]) == "prefect"


def test_the_subprotocol_may_be_offered_in_any_of_several_headers() -> None:
    async def run() -> Message:
        conversation = Conversation(
            app_with("secret:x"),
            "websocket",
            "/in",
            headers=(
                (b"sec-websocket-protocol", b"a, b"),
                (b"sec-websocket-protocol", b"c ,prefect"),
            ),
        )
        conversation.deliver({"type": "websocket.connect"})
        task = conversation.run()
        await settle()
        conversation.deliver({"type": "websocket.disconnect", "code": 1001})
        await task
        return conversation.sent[0]

    accepted = asyncio.run(run())
    assert (accepted["type"], accepted["subprotocol"]) == ("websocket.accept", "prefect")


def test_an_old_client_is_served_without_a_greeting_where_there_is_no_secret() -> None:
    async def script(connection: ClientConnection) -> str | bytes:
        assert connection.subprotocol is None
        await connection.send("hello")
        return await connection.recv()

    assert talk(app_with(), script) == "hello"


def test_an_old_client_is_refused_where_there_is_a_secret() -> None:
    status, body = refused_upgrade(app_with("user:pass"))

    assert status == 403
    assert b"subprotocol 'prefect'" in body


def test_a_socket_may_refuse_every_old_client() -> None:
    assert refused_upgrade(app_with(legacy=False))[0] == 403


@pytest.mark.parametrize(
    ("first", "code", "reason"),
    [
        ('{"type": "hello"}', 1008, "Expected 'auth' message"),
        ("{}", 1008, "Expected 'auth' message"),
        ('{"type": "auth"}', 1008, "Auth required but no token provided"),
        ('{"type": "auth", "token": null}', 1008, "Auth required but no token provided"),
        ('{"type": "auth", "token": ""}', 1008, "Auth required but no token provided"),
        ('{"type": "auth", "token": "user:wrong"}', 1008, "Invalid token"),
        ('{"type": "auth", "token": 7}', 1008, "Invalid token"),
        ('{"type": "auth", "token": ["user:pass"]}', 1008, "Invalid token"),
        ('{"type": "auth", "token": "\\ud800"}', 1008, "Invalid token"),
        ("garbage", 1002, "Expected a JSON object as the first message"),
        ("", 1002, "Expected a JSON object as the first message"),
        ("[]", 1002, "Expected a JSON object as the first message"),
        pytest.param(
            "[" * 100_000, 1002, "Expected a JSON object as the first message", id="deep nesting"
        ),
        (b"\xff\x00", 1002, "Expected a JSON object as the first message"),
    ],
)
def test_a_wrong_first_message_closes_the_socket(first: str, code: int, reason: str) -> None:
    assert refusal(app_with("user:pass"), first) == (code, reason)


def test_the_auth_message_is_needed_without_a_secret_too() -> None:
    assert refusal(app_with(), '{"type": "filter"}') == (1008, "Expected 'auth' message")


@pytest.mark.parametrize("first", ['{"type": "auth"}', '{"type": "hello"}', "garbage", b"\xff"])
def test_a_socket_may_have_one_reason_for_every_refusal(first: str | bytes) -> None:
    app = app_with("user:pass", refusal="authentication_failed")

    assert refusal(app, first) == (1008, "authentication_failed")


def test_a_client_that_leaves_instead_of_greeting_ends_the_handshake() -> None:
    results = []

    async def socket(websocket: WebSocket) -> None:
        results.append(await handshake(websocket, None))
        await close(websocket)  # does nothing any more

    async def run() -> list[Message]:
        conversation = Conversation(
            Starlette(routes=[WebSocketRoute("/in", socket)]),
            "websocket",
            "/in",
            subprotocols=["prefect"],
        )
        conversation.deliver({"type": "websocket.connect"})
        conversation.deliver({"type": "websocket.disconnect", "code": 1001})
        await conversation.run()
        return conversation.sent

    assert [message["type"] for message in asyncio.run(run())] == ["websocket.accept"]
    assert results == [False]


def test_a_socket_can_be_closed_twice() -> None:
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await close(websocket, 1011, "first")
        await close(websocket, 1011, "second")

    async def script(connection: ClientConnection) -> str:
        with pytest.raises(ConnectionClosedError) as raised:
            await connection.recv()
        assert raised.value.rcvd is not None
        return raised.value.rcvd.reason

    assert talk(Starlette(routes=[WebSocketRoute("/in", socket)]), script) == "first"


def test_a_long_reason_is_cut_between_characters_to_what_a_frame_can_hold() -> None:
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await close(websocket, 1008, "é" * 200)

    async def script(connection: ClientConnection) -> str:
        with pytest.raises(ConnectionClosedError) as raised:
            await connection.recv()
        assert raised.value.rcvd is not None
        return raised.value.rcvd.reason

    assert talk(Starlette(routes=[WebSocketRoute("/in", socket)]), script) == "é" * 60 + "…"


@pytest.mark.parametrize("text", ["", "short", "x" * 123, "é" * 61])
def test_a_short_reason_stays(text: str) -> None:
    assert close_reason(text) == text
