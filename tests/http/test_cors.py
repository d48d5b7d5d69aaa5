"""Answers for pages of other origins."""

from __future__ import annotations

import httpx

from ephemeral_server.http.cors import cors
from ephemeral_server.settings import Settings
from tests.http.driving import echo_app, request

PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "x-a"}


def send(settings: Settings, origin: str, method: str = "GET", **headers: str) -> httpx.Response:
    return request(cors(echo_app(), settings), method, "/", headers={"origin": origin, **headers})


def test_every_origin_may_read_by_default() -> None:
    answer = send(Settings(), "https://a.example")

    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_preflight_allows_every_method_and_the_headers_that_were_asked_for() -> None:
    answer = send(Settings(), "https://a.example", "OPTIONS", **PREFLIGHT)

    assert answer.status_code == 200
    assert answer.text == "OK"
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(
        answer.headers["access-control-allow-methods"].split(", ")
    )
    assert answer.headers["access-control-allow-headers"] == "x-a"
    assert answer.headers["access-control-max-age"] == "600"


def test_blanks_in_the_lists_do_not_count() -> None:
    settings = Settings(
        cors_origins=" https://a.example , https://b.example,",
        cors_methods="GET , POST",
        cors_headers=" x-a , x-b ",
    )

    for origin in ("https://a.example", "https://b.example"):
        answer = send(settings, origin)
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Origin" in answer.headers["vary"]
        assert send(settings, origin, "OPTIONS", **PREFLIGHT).status_code == 200


def test_an_origin_that_is_not_listed_may_not_read() -> None:
    settings = Settings(cors_origins="https://a.example")

    assert "access-control-allow-origin" not in send(settings, "https://c.example").headers
    assert send(settings, "https://c.example", "OPTIONS", **PREFLIGHT).status_code == 400
