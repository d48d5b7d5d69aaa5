"""Tokens against cross-site requests."""

from __future__ import annotations

import asyncio
import re
from uuid import UUID

import httpx
import pytest

from ephemeral_server.clock import ManualClock, isoformat
from ephemeral_server.http.csrf import CsrfMiddleware, CsrfTokens
from tests.http.driving import Conversation, echo_app, request

START = 1_763_805_600_000_000  # 2025-11-22T10:00:00Z


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def tokens(clock: ManualClock) -> CsrfTokens:
    return CsrfTokens(b"a key", 3600, clock)


def post(tokens: CsrfTokens, method: str = "POST", **headers: str) -> httpx.Response:
    named = {f"prefect-csrf-{name}": value for name, value in headers.items()}
    return request(CsrfMiddleware(echo_app(), tokens), method, "/flows/", headers=named)


def test_a_token_has_the_shape_of_the_wire(tokens: CsrfTokens) -> None:
    issued = tokens.issue("c1")

    assert issued == {
        "id": str(UUID(issued["id"])),
        "created": isoformat(START),
        "updated": isoformat(START),
        "token": issued["token"],
        "client": "c1",
        "expiration": "2025-11-22T11:00:00Z",
    }
    assert re.fullmatch("[0-9a-f]{64}", issued["token"])


def test_a_token_holds_for_its_client_until_its_end(tokens: CsrfTokens, clock: ManualClock) -> None:
    token = tokens.issue("c1")["token"]

    clock.advance(3599)
    assert tokens.valid("c1", token)
    clock.advance(1)
    assert not tokens.valid("c1", token)


def test_a_token_is_worth_nothing_for_another_client(tokens: CsrfTokens) -> None:
    assert not tokens.valid("c2", tokens.issue("c1")["token"])


def test_a_token_of_another_server_is_worth_nothing(tokens: CsrfTokens, clock: ManualClock) -> None:
    other = CsrfTokens(b"another key", 3600, clock)

    assert not tokens.valid("c1", other.issue("c1")["token"])


def test_a_new_token_does_not_end_the_one_before(tokens: CsrfTokens, clock: ManualClock) -> None:
    first = tokens.issue("c1")["token"]
    clock.advance(1)

    assert tokens.issue("c1")["token"] != first
    assert tokens.valid("c1", first)


def test_the_end_of_a_token_cannot_be_moved(tokens: CsrfTokens, clock: ManualClock) -> None:
    token = tokens.issue("c1")["token"]
    later = f"{int(token[:16], 16) + 10**12:016x}" + token[16:]
    clock.advance(3601)

    assert not tokens.valid("c1", later)


@pytest.mark.parametrize(
    "token", ["", "x", "0" * 64, "é" * 64, "\ud800", pytest.param("0" * 10_000, id="endless")]
)
def test_garbage_is_no_token(tokens: CsrfTokens, token: str) -> None:
    assert not tokens.valid("c1", token)


def test_any_client_can_have_a_token(tokens: CsrfTokens) -> None:
    for client in ("", "é", "\ud800", "a:b", "x" * 10_000):
        assert tokens.valid(client, tokens.issue(client)["token"])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_writing_request_needs_a_token(tokens: CsrfTokens, method: str) -> None:
    answer = post(tokens, method)

    assert answer.status_code == 403
    assert answer.json() == {"detail": "Missing CSRF token."}
    assert "access-control-allow-origin" not in answer.headers


def test_a_writing_request_needs_a_client(tokens: CsrfTokens) -> None:
    answer = post(tokens, token=tokens.issue("c1")["token"])

    assert answer.status_code == 403
    assert answer.json() == {"detail": "Missing client identifier."}


def test_a_wrong_token_is_refused_so_that_the_client_asks_for_a_new_one(
    tokens: CsrfTokens,
) -> None:
    answer = post(tokens, token="0" * 64, client="c1")

    assert answer.status_code == 403
    assert answer.json() == {"detail": "Invalid CSRF token or client identifier."}
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_writing_request_with_its_token_passes(tokens: CsrfTokens) -> None:
    assert post(tokens, token=tokens.issue("c1")["token"], client="c1").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_reading_request_needs_none(tokens: CsrfTokens, method: str) -> None:
    assert post(tokens, method).status_code == 200


def test_a_websocket_needs_none(tokens: CsrfTokens) -> None:
    reached = []

    async def run() -> None:
        async def app(scope: object, receive: object, send: object) -> None:
            reached.append(scope)

        await Conversation(CsrfMiddleware(app, tokens), "websocket").run()

    asyncio.run(run())
    assert len(reached) == 1
