"""The secret that requests must show."""

from __future__ import annotations

import asyncio
import base64

import pytest

from ephemeral_server.http.auth import BasicAuthMiddleware
from tests.http.driving import Conversation, echo_app, request

SECRET = "user:pass wörd:x"


def basic(secret: str, scheme: str = "Basic ") -> str:
    return scheme + base64.b64encode(secret.encode()).decode()


def mounted() -> BasicAuthMiddleware:
    return BasicAuthMiddleware(echo_app(), SECRET)


def status(path: str = "/flows/", method: str = "GET", authorization: str | None = None) -> int:
    headers = {} if authorization is None else {"authorization": authorization}
    return request(mounted(), method, path, headers=headers).status_code


def test_the_right_secret_passes() -> None:
    assert status(authorization=basic(SECRET)) == 200


def test_the_refusal_says_unauthorized_and_does_not_make_a_browser_ask() -> None:
    answer = request(mounted(), "GET", "/flows/")

    assert answer.status_code == 401
    assert answer.json() == {"exception_message": "Unauthorized"}
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        basic("user:wrong"),
        basic(SECRET[:-1]),
        basic(SECRET + "x"),
        basic(""),
        basic(SECRET, "basic "),
        basic(SECRET, "Bearer "),
        basic(SECRET) + " more",
        "Basic not-base64!",
        basic(SECRET)[:12] + "!" + basic(SECRET)[12:],
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Basic Zürich",
        SECRET.replace("ö", "o"),
    ],
)
def test_anything_else_is_refused(authorization: str) -> None:
    headers = {"authorization": authorization.encode("latin-1")}

    assert request(mounted(), "GET", "/flows/", headers=headers).status_code == 401


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes_need_no_secret(path: str) -> None:
    assert status(path) == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/health"),
        ("POST", "/health"),
        ("GET", "/health/"),
        ("GET", "//health"),
        ("GET", "/variables/name/health"),
        ("GET", "/version"),
        ("GET", "/hello"),
        ("GET", "/admin/version"),
        ("GET", "/docs"),
        ("GET", "/no/such/path"),
    ],
)
def test_everything_else_needs_it(method: str, path: str) -> None:
    assert status(path, method) == 401


@pytest.mark.parametrize(
    ("path", "root_path", "expected"),
    [
        ("/api/health", "/api", 200),
        ("/api/api/health", "/api", 401),
        ("/apihealth", "/api", 401),
        ("/health", "/api", 200),
    ],
)
def test_the_path_of_a_probe_counts_below_the_mount(
    path: str, root_path: str, expected: int
) -> None:
    async def run() -> int:
        conversation = Conversation(mounted(), path=path, root_path=root_path)
        conversation.deliver({"type": "http.request", "body": b""})
        await conversation.run()
        return int(conversation.sent[0]["status"])

    assert asyncio.run(run()) == expected


def test_a_host_header_cannot_fake_the_path_of_a_probe() -> None:
    headers = {"host": "localhost/health?"}

    assert request(mounted(), "GET", "/flows/", headers=headers).status_code == 401


def test_websockets_pass_and_show_the_secret_later() -> None:
    async def run() -> list[str]:
        conversation = Conversation(mounted(), "websocket")
        conversation.deliver({"type": "websocket.connect"})
        await conversation.run()
        return [message["type"] for message in conversation.sent]

    assert asyncio.run(run()) == ["websocket.close"]  # by the app, which has no socket
