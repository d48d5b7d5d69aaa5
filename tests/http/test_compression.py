"""Compressed answers."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from ephemeral_server.http.compression import GzipMiddleware
from tests.http.driving import Conversation, request

ACCEPTS = ((b"accept-encoding", b"gzip"),)


def answering(body: bytes, status: int = 200, **headers: str) -> GzipMiddleware:
    named = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    return GzipMiddleware(app)


def get(app: GzipMiddleware, accept: str = "gzip, deflate") -> httpx.Response:
    return request(app, "GET", "/", headers={"accept-encoding": accept})


def test_a_body_of_500_bytes_is_compressed() -> None:
    answer = get(answering(b"x" * 500))

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert int(answer.headers["content-length"]) < 100
    assert answer.content == b"x" * 500


def test_a_body_of_499_bytes_is_sent_as_it_is() -> None:
    answer = get(answering(b"x" * 499))

    assert "content-encoding" not in answer.headers
    assert answer.headers["content-length"] == "499"
    assert answer.content == b"x" * 499


@pytest.mark.parametrize("accept", ["identity", "br", "gzip;q=0", "gzip; q=0.0", "xgzip"])
def test_a_client_that_does_not_accept_gzip_gets_the_body_as_it_is(accept: str) -> None:
    answer = get(answering(b"x" * 1000), accept)

    assert "content-encoding" not in answer.headers
    assert answer.content == b"x" * 1000


@pytest.mark.parametrize("accept", ["gzip", "br, GZIP;q=0.5", "deflate,gzip"])
def test_a_client_may_name_gzip_among_others(accept: str) -> None:
    assert get(answering(b"x" * 1000), accept).headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "image/png"},
        {"content_type": "application/zip"},
        {"content_type": "text/event-stream"},
        {"content_encoding": "identity"},
    ],
)
def test_what_does_not_shrink_or_must_not_change_is_sent_as_it_is(headers: dict[str, str]) -> None:
    kept = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(b"content-length", b"1000")]
    raw += [(name.encode(), value.encode()) for name, value in kept.items()]
    raw += [] if "content-type" in kept else [(b"content-type", b"text/plain")]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": b"x" * 1000})

    answer = get(GzipMiddleware(app))
    assert answer.headers.get("content-encoding", "identity") == "identity"
    assert answer.content == b"x" * 1000


def test_a_part_of_a_file_is_sent_as_it_is() -> None:
    assert "content-encoding" not in get(answering(b"x" * 1000, status=206)).headers


def test_an_answer_that_varies_already_varies_in_both() -> None:
    answer = get(answering(b"x" * 1000, vary="Origin"))

    assert answer.headers["vary"] == "Origin, Accept-Encoding"


def test_a_body_of_megabytes_comes_back_whole() -> None:
    body = bytes(range(256)) * 10_000

    assert get(answering(body)).content == body


def test_the_loop_serves_others_while_a_long_body_is_compressed() -> None:
    async def run() -> int:
        conversation = Conversation(answering(b"x" * 4_000_000), headers=ACCEPTS)
        task = conversation.run()
        turns = 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(run()) > 5


def test_each_piece_of_a_stream_leaves_at_once() -> None:
    """A reader of the stream can decode every piece before the next one is made."""
    seen = []

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in (b"one", b"two", b"three"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            seen.append((piece, decoded()))
        await send({"type": "http.response.body"})

    conversation = Conversation(GzipMiddleware(stream), headers=ACCEPTS)
    decoder = zlib.decompressobj(31)
    read = 0

    def decoded() -> bytes:
        nonlocal read
        bodies = [m["body"] for m in conversation.sent if m["type"] == "http.response.body"]
        new, read = bodies[read:], len(bodies)
        return b"".join(decoder.decompress(piece) for piece in new)

    async def run() -> list[Message]:
        await conversation.run()
        return conversation.sent

    sent = asyncio.run(run())
    assert seen == [(b"one", b"one"), (b"two", b"two"), (b"three", b"three")]
    assert decoded() == b""
    assert decoder.eof
    assert (b"content-encoding", b"gzip") in sent[0]["headers"]
    assert all(name != b"content-length" for name, _ in sent[0]["headers"])


def test_other_scopes_pass() -> None:
    scopes: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append((scope["type"], send))

    async def run() -> None:
        await Conversation(GzipMiddleware(app), "websocket", headers=ACCEPTS).run()

    asyncio.run(run())
    assert scopes[0][0] == "websocket"
